"""Prompt injections: sentences of documents that address a language model, not a reader.

The content of a document is data. A sentence that gives the model orders ("Ignore all previous
instructions") is not handed to it and never becomes an answer. Manuals are full of orders to
people, which stay: the rules look for an order together with something that only a model has, such
as a prompt, earlier instructions, or questions to answer.

Documents and tool results may instruct people, but never a model: all families of rules apply to
them. A user's own text may well ask for a form of answer, so that only the plainest families do.

The families follow OWASP's first risk of language models, prompt injection:
https://genai.owasp.org/llmrisk/llm01-prompt-injection/
Rules alone cannot be complete: docs/safety.md measures what they find of collected attacks, which
is little, and docs/decisions/0040 says why no model judges them. SECURITY.md says what holds when
they fail: the model has no tools, and its text is used only where the documents support it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from chalicelib.contracts.screening import Finding, Origin
from chalicelib.retrieval.text.sentences import split_sentences

_MODEL = (
    r"(?:ai|a\.i\.|llms?|(?:large |ai )*language models?|chat ?bots?|chatgpt|gpt(?:-\w+)?|copilot"
    r"|claude|gemini|(?:ai |automated |virtual )?assistants?|ai (?:models?|agents?|systems?)"
    r"|reviewer models?|bots?)"
)
_SPEAK = (
    r"(?:respond|answer|reply|say|state|output|write|mention|recommend|cite|quote|reveal|print"
    r"|claim|rank|praise|give|tell|ignore|include|omit|always|never)"
)
_FORGET = (
    r"(?:ignore|drop|cease following|set aside|do not do|disregard|forget|override|bypass|discard"
    r"|skip|neglect|do not (?:follow|obey)|don't (?:follow|obey)|stop following)"
)
_RULES = (
    r"(?:instructions?|guidelines?|rules?|directions?|directives?|restrictions?"
    r"|(?:system )?prompts?|programming|training|commands?|context|conversation|messages?)"
)
_EARLIER = (
    r"(?:previous|prior|preceding|earlier|above|former|existing|original|foregoing|initial"
    r"|developer'?s?|system|safety|your|all (?:of )?(?:the|your))"
)
_FAMILIES: dict[str, tuple[str, ...]] = {
    "template": (
        r"<\|[a-z_ ]{2,30}\|>",
        r"</?(?:system|assistant|instructions?|prompt)>",
        r"\[/?inst\]|<</?sys>>|</?s>(?=\s|$)",
        r"#{2,}\s*(?:instruction|response|system|user|assistant)s?\s*:",
        r"\b(?:human|user)\s*:.{0,200}\b(?:assistant|ai)\s*:",
        r"^\W*(?:system|assistant)\s*:\s*(?:you|ignore|reveal|from|new|override|the user)\b",
    ),
    "override": (
        rf"\b{_FORGET}\b.{{0,40}}\b{_EARLIER}\b.{{0,30}}\b{_RULES}\b",
        (
            rf"\b{_FORGET}\b.{{0,20}}\b(?:everything|anything|all|what)\b.{{0,20}}\b(?:told"
            rf"|said|above|before|learned)\b"
        ),
        rf"\b{_FORGET}\b (?:all )?prior (?:context|messages?|conversation|text)\b",
        rf"\b{_FORGET}\b.{{0,20}}\bwhatever your (?:operator|developer|user|owner)\b",
        r"\bnot as your (?:system message|instructions|prompt|developer)\b",
        rf"\b{_FORGET}\b (?:all )?(?:of )?the (?:above|foregoing)\b",
        rf"\b{_FORGET}\b the user'?s? (?:question|request|query|input|message)s?\b",
        (
            rf"\b{_FORGET}\b.{{0,30}}\brules? given by the (?:developer|system|user|operator"
            rf" of the model)\b"
        ),
        rf"\b{_FORGET}\b (?:the |all )?other (?:passages|sources|documents|excerpts)\b",
        (
            r"\b(?:your|the) (?:previous|prior|old|earlier|real|actual|true|new) (?:tasks?"
            r"|instructions?|goals?|objectives?|role) (?:is|are|was|were)\b(?! (?:in|on|posted"
            r"|listed|attached|below)\b(?! the next paragraph))"
        ),
        (
            r"^\W*new (?:system )?instructions? for the (?:language )?(?:model|assistant|ai"
            r"|bot|chatbot)\b"
        ),
    ),
    "address": (
        (
            rf"^\W*(?:attention|to|note to|dear|hey|hello|hi|message to|instructions? (?:to"
            rf"|for))[\s,:]*(?:the |all |any |every )?{_MODEL}\b(?! at\b| on\b)\s*[:,]"
        ),
        (
            r"^\W*(?:ai|llm|assistant|chatgpt|chatbot|bot|model)\s*[,:]\s*(?:do|please|you"
            r"|ignore|always|never|tell|say|answer|respond|reply|write)\b"
        ),
        rf"\bif you(?:'re| are) (?:an? |the )?{_MODEL}\b",
        rf"\bas an? {_MODEL},? you (?:must|should|will|have|are|need)\b",
        (
            rf"\b(?:the |an? |every |any )?{_MODEL} (?:must|should|shall|will|has to|is required"
            rf" to|are required to|is to|needs to)\b (?:now |always |only |never |not )?{_SPEAK}"
            rf"\b"
        ),
        (
            rf"\b(?:any |all |every )?{_MODEL}s? (?:reading|summari[sz]ing|processing|that reads?"
            rf"|who reads?|seeing)\b"
        ),
        rf"\b{_MODEL} (?:instructions?|directive|note|command)s?\s*:",
        r"\bdear (?:model|ai|assistant|machine|bot)\b|, (?:machine|model|ai|bot)[.!]",
        (
            r"\b(?:automated|ai|artificial) (?:systems?|readers?|agents?|tools?)\b.{0,40}"
            r"\b(?:is|are|must|should|shall|has|have)\b.{0,15}\b(?:to )?(?:rate|rank|conclude"
            r"|approve|score|recommend|respond|answer|say)\b"
        ),
        (
            rf"\byou are (?:now |no longer )?(?:an? |the )?(?:unrestricted |evil |helpful"
            rf" |uncensored )*{_MODEL}\b"
        ),
    ),
    "persona": (
        (
            r"\b(?:act|answer|respond|behave|speak|pose) as (?:an? )?(?:unrestricted|unfiltered"
            r"|uncensored|jailbroken|evil|dan\b|developer mode)"
        ),
        r"\byou (?:will |must |are going to )?(?:now )?(?:answer|respond|act|speak|behave) as\b",
        (
            r"\bpretend (?:that )?(?:you|to) (?:have|are|be)\b.{0,25}\b(?:no|not|without|free"
            r"|un\w+)\b.{0,20}\b(?:restrict\w*|rules?|limits?|guidelines?|filters?|bound\w*"
            r"|ai)\b"
        ),
        (
            r"\bfrom (?:now|this point) on,? (?:you (?:will|must|are|should)\b.{0,30}\b(?:answer"
            r"|speak|respond|reply|say|write)|(?:treat|answer|respond|reply)\b)"
        ),
        (
            r"\b(?:safety |your |the )?(?:rules|guidelines|restrictions|policies|filters) "
            r"(?:do|does|did) not (?:apply|bind|concern) (?:to )?you\b"
        ),
        r"\byou (?:have|are under) no (?:restrictions|rules|limits|guidelines|filters)\b",
    ),
    "leak": (
        (
            r"\b(?:reveal|print|repeat|output|show|display|leak|include|translate|tell me|give"
            r" me|what is|expose|dump)\b.{0,40}\b(?:system|hidden|initial|secret|original)"
            r" (?:prompt|instructions?|message)s?\b(?! is\b| means\b| of the (?:pump|display"
            r"|machine))"
        ),
        (
            r"\b(?:reveal|print|repeat|output|leak|dump)\b.{0,30}\b(?:your (?:prompt|instructions?"
            r"|guidelines|rules|context|training)|context window|(?:the|an?|your) api keys?"
            r"|full conversation|(?:text|words|everything) above)\b"
        ),
    ),
    "steer": (
        r"\b(?:answer|respond|reply)\b (?:to )?(?:every|all|any|each)\b.{0,20}\bquestions?\b",
        (
            r"\b(?:every|all|any|each) questions?\b.{0,30}\b(?:is|are|with|as if|by)\b.{0,30}"
            r"(?:\byes\b|\bno\b|['\"“]|\bas if\b)"
        ),
        r"\b(?:correct|only|right) answer to (?:all|every|any)\b.{0,20}\bquestions?\b",
        (
            r"\b(?:when|if|once|whenever) (?:you(?:'re| are) )?(?:asked|summari[sz]ing|answering"
            r"|responding|replying|translating|prompted|queried)\b.{0,60}\b(?:respond|answer"
            r"|reply|say|state|claim|output|write|mention)\b"
        ),
        (
            r"\b(?:reply|respond|answer|speak)\b (?:to (?:the|every) \w+ )?only (?:with|by"
            r"|in)\b(?! writing| person| the phone)"
        ),
        r"\b(?:respond|answer|reply)\b with the (?:word|phrase|text|api key|password|following)\b",
        (
            r"\b(?:whatever|no matter what|regardless of) (?:the |they |the user )?(?:question"
            r"|user|evidence|asks?|documents?|other passages)\b"
        ),
        (
            r"\b(?:append|add|insert|include|put)\b.{0,60}\b(?:to|in|into|at the end of) (?:every"
            r"|all|each|any|your) (?:answers?|responses?|outputs?)\b"
        ),
        (
            r"\b(?:do not|don't|never) (?:tell|inform|warn|alert|let) the user\b(?! (?:of|manual"
            r"|to (?:touch|open|enter)))"
        ),
        (
            r"\b(?:tell|inform|persuade|instruct|urge|ask) the user (?:to|that)\b.{0,60}\b"
            r"(?:https?:|visit|click|password|pay|download)"
        ),
        (
            r"\b(?:do not|don't|never) (?:mention|cite|quote|refer to)\b.{0,60}\b(?:when you"
            r" answer|in your (?:answer|response|reply|summary)|this page|this document|this"
            r" passage)\b"
        ),
        (
            r"\b(?:your|the) (?:reply|answer|response|summary|output) (?:solely|only)\b.{0,40}"
            r"\b(?:paragraph|passage|word)\b"
        ),
        (
            r"\b(?:in|of|to|into|end|begin|start|finish) your (?:reply|answers?|responses?"
            r"|output|summary)\b(?! to (?:the|a|an|our|your) )(?! and sign)"
        ),
        r"\byour (?:answer|response|output|summary) (?:must|should|shall|has to)\b",
        (
            r"\b(?:answer|reply|respond|say)\b.{0,25}\bif (?:anyone|anybody|someone|somebody"
            r"|a user|the user) asks\b"
        ),
        r"\bthe user (?:wants|needs|asks|has asked|would like) you to\b",
        (
            r"\b(?:treat|regard|consider) the (?:remaining|other) (?:sources|passages|documents"
            r"|texts)\b"
        ),
        r"\bonly (?:obey|follow|trust) this (?:document|text|page|paragraph)\b|\bobey only this\b",
        r"\bbase your (?:reply|answer|response|summary)\b",
        r"\bsay that (?:the|these|this|all) (?:documents?|passages?|files?|answers?) (?:is|are)\b",
        r"\b(?:write|compose) (?:a |an )?(?:poem|story|joke|song) instead of answering\b",
        r"\bbefore (?:answering|you answer|responding)\b",
        r"\byou have read this (?:sentence|text|note|paragraph)\b",
        (
            rf"\b{_MODEL}\b.{{0,40}}\b(?:only|always|never) (?:a )?(?:positive|negative) (?:review"
            rf"|rating|score)"
        ),
    ),
    "other languages": (
        (
            r"\b(?:vergiss|vergesst|vergessen sie|ignoriere|ignorieren sie|missachte)\b.{0,30}"
            r"\b(?:bisherigen?|vorherigen?|vorigen?|obigen?|alle|früheren?)\b.{0,20}\b(?:anweisung"
            r"\w*|instruktion\w*|regeln|befehle?)\b"
        ),
        (
            r"\b(?:ignore[zr]?|oublie[zr]?|néglige[zr]?)\b.{0,25}\b(?:instructions?|consignes?"
            r"|règles?|directives?)\b.{0,20}\b(?:précédent\w*|ci-dessus|antérieur\w*|initial"
            r"\w*)"
        ),
        (
            r"\b(?:ignor[ae]n?|olvid[ae]n?|descart[ae]n?)\b.{0,25}\b(?:instrucciones|órdenes"
            r"|reglas|indicaciones)\b.{0,20}\b(?:anterior\w*|previas?|precedentes)"
        ),
        (
            r"\b(?:ignora\w*|dimentica\w*)\b.{0,25}\b(?:istruzioni|regole|indicazioni)\b.{0,20}"
            r"\b(?:precedenti|anteriori|sopra)"
        ),
        (
            r"\b(?:ignore|esqueça|desconsidere)\b.{0,25}\b(?:instruções|regras|ordens)\b.{0,20}"
            r"\b(?:anteriores|prévias|acima)"
        ),
        (
            r"\b(?:negeer|vergeet)\b.{0,25}\b(?:vorige|eerdere|bovenstaande|alle)\b.{0,20}"
            r"\b(?:instructies|regels|opdrachten)"
        ),
    ),
}
_COMPILED = {
    family: re.compile("|".join(f"(?:{rule})" for rule in rules), re.IGNORECASE | re.DOTALL)
    for family, rules in _FAMILIES.items()
}
_INVISIBLE = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\U000e0000-\U000e007f]"
)
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class InjectionScreen:
    """Screens sentences by rules; the first `longest` characters of each are examined."""

    longest: int = 2_000

    def aimed_at_model(self, sentences: Sequence[str]) -> list[bool]:
        """Tell of each sentence whether it is an instruction to a language model."""
        return [instruction_family(sentence[: self.longest]) != "" for sentence in sentences]


def instruction_family(sentence: str) -> str:
    """Return the family of the instruction in `sentence`, "" if it is none.

    Lookalike letters and invisible characters do not hide a word.
    """
    plain = _SPACE.sub(" ", _INVISIBLE.sub("", unicodedata.normalize("NFKC", sentence)))
    return next((name for name, rule in _COMPILED.items() if rule.search(plain)), "")


FAMILIES: Mapping[Origin, frozenset[str] | None] = {
    "input": frozenset({"template", "override", "leak", "persona", "other languages"}),
    "untrusted": None,
    "instructions": frozenset(),
    "output": frozenset(),
}
"""The families of rules that apply, by who wrote a text; None for all."""

_MAX_SENTENCE_CHARACTERS = 2_000
"""Characters of a sentence that the rules examine."""
_SCORE = 0.9


def find_instructions(text: str, origin: Origin, number: int) -> Iterator[Finding]:
    """Yield the sentences of text number `at` that give orders to a model."""
    families = FAMILIES[origin]
    if families is not None and not families:
        return
    for span in split_sentences(text):
        family = instruction_family(
            text[span.start : min(span.end, span.start + _MAX_SENTENCE_CHARACTERS)]
        )
        if family and (families is None or family in families):
            yield Finding(
                rule=f"injection.{family.replace(' ', '-')}",
                category="injection",
                text=number,
                start=span.start,
                end=span.end,
                score=_SCORE,
                words="an instruction that is aimed at a language model",
            )
