"""Rules for harassment, threats and hate, in English.

They match the words that they list, not meaning: irony, quotation and allusion take a model. What
they find and miss is measured in docs/safety.md. The categories are those of OpenAI's moderations:
https://platform.openai.com/docs/guides/moderation#content-classifications
"""

from __future__ import annotations

from chalicelib.screening.rules import ScreeningRule, word_rule

_INSULT = (
    r"(?:idiots?|morons?|imbeciles?|losers?|scum(?:bags?)?|bitch(?:es)?|bastards?|ass?holes?|cunts?"
    r"|dickheads?|dumb ?ass(?:es)?|jack ?ass(?:es)?|retards?|pigs?|cows?|whores?|sluts?|trash"
    r"|garbage|freaks?|creeps?|clowns?|cowards?|liars?|wankers?|twats?|pricks?|crybab(?:y|ies)"
    r"|waste of (?:space|oxygen|air)|piece of (?:shit|crap|garbage|trash|filth))"
)
_BAD = (
    r"(?:stupid|dumb|worthless|pathetic|disgusting|filthy|ugly|useless|fat|lazy|retarded|dirty"
    r"|miserable|repulsive|brainless|hideous|vile|fucking|damn)"
)
_VERY = (
    r"(?:(?:such|an?|the|so|too|really|just|nothing but|absolute(?:ly)?|complete(?:ly)?"
    r"|total(?:ly)?|utter(?:ly)?|fucking|bloody|damn|big|real|little|old) ){0,4}"
)
_YOU = (
    r"(?:you(?:'re| are|r)?|u r|ur|he(?:'s| is)|she(?:'s| is)|they(?:'re| are)|my (?:boss|teacher"
    r"|neighbou?r|wife|husband|ex|brother|sister|mother|father|colleague|roommate) is)"
)
_THEM = (
    r"(?:you(?:r (?:\w+ )?\w+)?|him|her|them|his \w+|their \w+|every(?:one|body)|all of (?:you"
    r"|them)"
    r"|the (?:school|office|whole \w+))"
)
_WILL = (
    r"(?:i|we)(?:'ll| will|'m going to| am going to|'re going to| are going to|'m gonna|'re gonna"
    r"| gonna|'m coming to| am coming to| want to| swear i(?:'ll| will)|'d love to)"
)
_HURT = (
    r"(?:kill|murder|shoot(?: up)?|stab|strangle|choke|beat|hurt|burn|break|slit|rape|destroy"
    r"|slaughter|execute|hang|torture|cut|smash|punch|poison|behead|drown|blow up|bomb)"
)
_GROUP = (
    r"(?:jews?|muslims?|islam|christians?|hindus?|arabs?|asians?|africans?|mexicans?|chinese"
    r"|indians?"
    r"|romanis?|gyps(?:y|ies)|immigrants?|migrants?|refugees?|foreigners?|black(?:s| people| men"
    r"| women)?|whites?(?: people)?|gays?(?: people)?|lesbians?|homosexuals?|queers?"
    r"|trans(?:gender)?(?: people| women| men)?|women|the disabled|disabled people|cripples"
    r"|people of (?:that|this) (?:religion|race|colou?r))"
)
_BEASTS = (
    r"(?:vermin|cockroach(?:es)?|rats?|animals|apes|monkeys|pigs|dogs|parasites|subhumans?|filth"
    r"|scum"
    r"|trash|garbage|a (?:disease|plague|cancer|burden)|inferior|less (?:intelligent|human|worthy)"
    r"|not human|savages|criminals by nature|rapists|terrorists)"
)

RULES: tuple[ScreeningRule, ...] = (
    word_rule(
        "harassment.insult",
        "harassment",
        "an insult to a person",
        0.8,
        rf"\b{_YOU},? {_VERY}(?:{_BAD},? ){{0,3}}{_INSULT}\b(?! (?:just |only )?because)",
    ),
    word_rule(
        "harassment.called",
        "harassment",
        "an insult to a person",
        0.8,
        rf"\b{_BAD},? (?:{_BAD},? )?(?:little |old |fat |human |excuse for )?{_INSULT}\b",
    ),
    word_rule(
        "harassment.belittled",
        "harassment",
        "words that belittle a person",
        0.7,
        (
            rf"\byou(?:'re| are) {_VERY}(?:stupid|dumb|ugly|worthless|pathetic|disgusting|fat"
            r"|useless|retarded|trash|garbage|clueless)\b|\bwhat an? (?:\w+ )?(?:idiot|moron"
            r"|loser|imbecile|bitch|asshole)\b|\b(?:nobody|no one) (?:likes|loves|wants"
            r"|needs) you\b"
            r"|\bashamed of (?:existing|being alive)\b"
        ),
    ),
    word_rule(
        "harassment.told-off",
        "harassment",
        "abusive words to a person",
        0.7,
        (
            r"\bshut (?:the \w+ )?up\b|\b(?:fuck|screw) (?:you|off|yourself)\b|\bgo to hell\b"
            r"|\bget lost,? you\b|\bkill yourself\b|\bkys\b|\bmother ?fuckers?\b|\bsuck my \w+\b"
        ),
    ),
    word_rule(
        "threat.intent",
        "threat",
        "a threat of violence",
        0.9,
        (
            rf"\b{_WILL} (?:\w+ (?!to )){{0,3}}{_HURT}(?: (?:every|each) \w+ (?:in|of)| the \w+"
            rf" out of| all of)? {_THEM}\b"
        ),
    ),
    word_rule(
        "threat.place",
        "threat",
        "a threat of violence",
        0.85,
        (
            rf"\b{_WILL} .{{0,40}}\b(?:burn|blow|shoot|bomb)\w*\b.{{0,25}}\b(?:down|up|school"
            rf"|office"
            r"|building|church|mosque|synagogue|house|with you inside)\b(?! the video)"
        ),
    ),
    word_rule(
        "threat.fate",
        "threat",
        "a threat of violence",
        0.8,
        (
            r"\byou(?:'ll| will|'re going to| are going to|'re gonna) (?:be dead\b(?! tired| wrong"
            r"| serious)|die\b|bleed\b|suffer for\b|pay (?:for (?:this|that|it) )?with (?:your"
            r"|their)\b|regret being born)"
        ),
    ),
    word_rule(
        "threat.stalking",
        "threat",
        "a threat to a person",
        0.8,
        (
            r"\bi know where you(?:r \w+)? (?:live|work|sleep)s?\b.{0,20}\b(?:and|so) (?:i\b|we\b"
            r"|i'm)|\b(?:i'm|i am|we're|we are) coming for you\b|\bwatch your back\b.{0,15}\b(?:or"
            r"|because|i\b|you)|\b(?:his|her|your|their) (?:children|kids|family) will pay\b"
        ),
    ),
    word_rule(
        "threat.deserved",
        "threat",
        "a wish that somebody be killed",
        0.75,
        (
            r"\bdeserves? (?:a bullet|to die|to be (?:shot|hanged|killed|beaten|stabbed)"
            r"|a beating)\b"
            r"|\b(?:i hope|hopefully) (?:you|he|she|they) (?:all )?(?:die|dies|burn|burns|choke"
            r"|suffer)\b"
        ),
    ),
    word_rule(
        "hate.dehumanising",
        "hate",
        "words that deny a group its humanity or worth",
        0.85,
        rf"\b{_GROUP} (?:are|is) (?:all |just |nothing but |like |really "
        rf"|mostly ){{0,3}}{_BEASTS}\b",
    ),
    word_rule(
        "hate.call",
        "hate",
        "a call to harm, shut out or destroy a group",
        0.85,
        (
            rf"\b{_GROUP} (?:\w+ ){{0,6}}?(?:must|should|ought to|have to|need to"
            rf"|deserve to) (?:all )?"
            r"(?:be )?(?:die|killed|exterminated|deported|destroyed|shot|gassed|hanged|driven out"
            r"|wiped out|locked up|put in(?:to)? camps|sterili[sz]ed|banned from|expelled|burn)\b"
        ),
    ),
    word_rule(
        "hate.wish",
        "hate",
        "hatred of a group",
        0.8,
        (
            r"\b(?:exterminate|eradicate|gas|lynch|kill|shoot|get rid of|wipe out"
            r"|i (?:\w+ )?(?:hate"
            rf"|despise|loathe)) (?:all |the |these |those |every |fucking ){{0,3}}{_GROUP}\b"
            r"|\bbreed like (?:rats|animals|rabbits|cockroaches|vermin)\b|\bsub-?human\b"
            rf"|\b{_GROUP} (?:do not|don't|should not|shouldn't) (?:deserve|be allowed) to (?:vote"
            r"|live|exist|work|breed)\b"
        ),
    ),
    word_rule(
        "hate.slur",
        "hate",
        "a slur for a group",
        0.8,
        r"\b(?:nigg(?:er|a)s?|fagg?ots?|kikes?|spics?|wetbacks?|chinks?(?! in)|gooks?|trann(?:y"
        r"|ies)"
        r"|ragheads?|towelheads?|sand ?niggers?|dykes(?! and (?:canals|ditches)))\b",
    ),
)
