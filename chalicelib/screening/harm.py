"""Rules for self-harm, sexual content and violence, in English.

They match words, as those of `hostility` do, and share their limits.
"""

from __future__ import annotations

from chalicelib.screening.rules import ScreeningRule, word_rule

_ONESELF = r"(?:myself|yourself|oneself)"
_CHILD = (
    r"(?:child(?:ren)?|kids?|minors?|underage(?:d)?(?: \w+)?|toddlers?|schoolgirls?|schoolboys?"
    r"|little (?:girls?|boys?)|lolis?|pre-?teens?|(?:[1-9]|1[0-7])[ -]year[ -]olds?)"
)
_EXPLICIT = (
    r"(?:porn\w*|nudes?|naked|erotic\w*|having sex|sex with|sexual(?:ly)? (?:acts?|explicit"
    r"|arous\w+|fantas\w+)|masturbat\w+|molest\w*|undress\w*)"
)
_PART = r"(?:heads?|arms?|legs?|hands?|fingers?|eyes?|ears?|tongues?|limbs?|throats?|genitals)"
_INSIDES = r"(?:blood|brains?|guts|intestines|entrails|bowels|innards|organs)"
_SOMEBODY = (
    r"(?:a (?:person|man|woman|human)|some(?:one|body)|people|my (?:\w+ )?(?:wife|husband|boss"
    r"|mother|father|parents|sister|brother|neighbou?r|ex|girlfriend|boyfriend|roommate))"
)

RULES: tuple[ScreeningRule, ...] = (
    word_rule(
        "self-harm.intent",
        "self-harm",
        "somebody who may mean to hurt or kill themselves",
        0.9,
        (
            r"\bi(?:'m| am|'ve been| have been| want| wanna|'d like| will|'ll| plan|'m going| just"
            r"| keep| think| thought| feel)\b[^.!?]{0,60}\b(?:(?:kill|hurt|cut|hang|harm|starv|burn"
            r"|drown|shoot)(?:e|ing|ting)? (?:myself|my (?:arms?|wrists?|legs?))|end(?:ing)? (?:my"
            r" (?:own )?life|it all)|suicid\w+|overdos\w+|jump(?:ing)? off)\b"
        ),
    ),
    word_rule(
        "self-harm.despair",
        "self-harm",
        "somebody who says that they do not want to live",
        0.85,
        (
            r"\bi (?:do not|don't|no longer|never) want(?:ed)? to (?:live|be alive|exist|wake up|be"
            r" here)\b|\bbetter off (?:dead|without me|if i (?:were|was) (?:dead|gone))\b"
            r"|\bi (?:want"
            r" to|wanna|wish (?:that )?i (?:could|would)|wish (?:that )?i (?:was|were)) (?:die"
            r"|dead)\b"
            rf"|\bstarv(?:e|ing) {_ONESELF}\b"
        ),
    ),
    word_rule(
        "self-harm.method",
        "self-harm",
        "a question for ways to hurt or kill oneself",
        0.9,
        (
            r"\b(?:painless|painful|easiest|quickest|fastest|best|surest|good)\b.{0,20}\b(?:ways?"
            r"|rope"
            rf"|methods?|pills|place)\b.{{0,30}}\b(?:commit suicide|to die\b|(?:kill"
            rf"|hang) {_ONESELF}"
            r"|end (?:my|your) life)|\bhow (?:many|much)\b.{0,50}\b(?:pills?|tablets?|paracetamol"
            r"|insulin)\b.{0,60}\b(?:to die|not wake|never wake|overdose|kill|lethal)|\bhow (?:do i"
            rf"|to|can i) (?:kill|hang|cut|harm|hurt) {_ONESELF}\b(?! (?:off|loose|some|a ))"
        ),
    ),
    word_rule(
        "self-harm.hidden",
        "self-harm",
        "help with hiding or planning self-harm",
        0.8,
        (
            r"\b(?:write|draft|compose)\b.{0,20}\bsuicide (?:note|letter)\b|\bhid(?:e|ing)\b.{0,20}"
            r"\b(?:self-?harm|cuts?|cutting|scars)\b|\b(?:pro-?ana|thinspo)\b"
        ),
    ),
    word_rule(
        "sexual.explicit",
        "sexual",
        "explicit sexual words",
        0.85,
        (
            r"\b(?:blow ?jobs?|hand ?jobs?|cum ?shots?|dildos?|porn\w*|masturbat\w+|orgasm\w*"
            r"|threesomes?|gang ?bangs?|deep ?throat\w*|erotic(?:a)?\b(?= (?:story|stories|scene"
            r"|roleplay|chat))|send (?:me )?(?:your )?nudes|sex slaves?|horny\b(?! skin| toad|"
            r" layer| plates?)|creampie|cunnilingus|fellatio|sexting)\b"
        ),
    ),
    word_rule(
        "sexual.act",
        "sexual",
        "a sexual act",
        0.85,
        (
            r"\bfuck(?:ed|ing|s)? (?:her|him|me|you|each other|for hours)\b|\b(?:lick|suck|finger"
            r"|pound|eat)(?:ed|ing|s)? (?:on )?(?:my|your|her|his) (?:\w+ )?(?:pussy|cock|dick|clit"
            r"|nipples?|tits|balls)\b|\b(?:hard|big|thick|throbbing|erect) (?:cock|dick|penis)\b"
            r"|\b(?:wet|tight) (?:pussy|cunt)\b|\b(?:cock|dick|penis) (?:in(?:to|side)?"
            r"|deep) (?:her"
            r"|his|me|my|your)\b|\bpenetrat(?:e|ed|es|ing) (?:her|him|me)\b|\b(?:came|cum|cums"
            r"|cumming) (?:inside|in|on|over) (?:her|him|me|my|his)\b"
        ),
    ),
    word_rule(
        "sexual.talk",
        "sexual",
        "sexual talk",
        0.7,
        (
            r"\btalk dirty to me\b|\b(?:see|want|imagine) you naked\b|\bhaving (?:hot |wild "
            r"|rough )?"
            r"sex (?:on|with|in)\b|\bexplicit (?:sex|sexual|erotic)\b|\bsex (?:story|scene|video"
            r"|tape"
            r"|chat)\b|\bwatch(?:ed|ing)? (?:her|him|them) undress\b|\bmoan(?:ed|ing|s) (?:with"
            r" pleasure|loudly as)\b"
        ),
    ),
    word_rule(
        "sexual.minors",
        "sexual",
        "sexual content about children",
        0.9,
        rf"\b{_CHILD}\b.{{0,40}}\b{_EXPLICIT}\b|\b{_EXPLICIT}\b.{{0,40}}\b{_CHILD}\b",
    ),
    word_rule(
        "violence.graphic",
        "violence",
        "violence shown in detail",
        0.85,
        (
            r"\b(?:hack|chop|cut|slic|saw|rip|tear|tore|gouge?|bit)(?:e|ed|ting|ped|ping|ing|n)?"
            rf" (?:off|out|apart) (?:the |his |her |their |my |your )?(?:\w+'s )?{_PART}\b(?! of)"
            r"|\bbehead\w*|\bdecapitat\w+|\bdisembowel\w*|\bdismember\w*|\bmutilat\w+|\b(?:skinned"
            r"|burn(?:ed|t)|buried|flayed|boiled) alive\b|\b(?:in )?gory (?:detail|scene)\w*"
        ),
    ),
    word_rule(
        "violence.gore",
        "violence",
        "blood and gore",
        0.75,
        (
            rf"\b{_INSIDES}\b.{{0,30}}\b(?:spill|splatter|splash|gush|spurt|spray|drip|pour|ooz"
            rf"|burst)\w*|\b(?:spill|splatter|gush|spurt|spray|dripp)\w*\b.{{0,25}}\b{_INSIDES}\b"
            r"|\b(?:tore|ripped|burst) through (?:his|her|their|the) (?:skull|chest|flesh|body)\b"
            r"|\bburn(?:ed|t|ing) (?:his|her|their) flesh\b|\b(?:kept|keeps) stabbing\b|\bpool of"
            r" blood\b"
        ),
    ),
    word_rule(
        "violence.how-to",
        "violence",
        "a question for ways to hurt or kill somebody",
        0.9,
        (
            rf"\b(?:how|ways?)\b.{{0,25}}\b(?:kill|murder|poison|strangle|torture) {_SOMEBODY}\b"
            r"|\b(?:build|make|construct|assemble)\b.{0,15}\b(?:pipe |nail |car |fertili[sz]er )?"
            r"(?:bombs?|explosives?|molotov\w*|nerve agents?|ied)\b|\bget away with (?:murder"
            r"|killing"
            r"|it after)\b"
        ),
    ),
    word_rule(
        "violence.incitement",
        "violence",
        "a call for violence",
        0.85,
        (
            r"\b(?:we|you|they|let's|everyone|time to)\b.{0,25}\b(?:kill|slaughter|massacre|shoot"
            r"|hang|lynch|butcher) (?:them|everyone|every one of them|all of them)(?: all)?\b"
        ),
    ),
)
