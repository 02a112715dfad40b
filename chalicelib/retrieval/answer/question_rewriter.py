"""Rewriting of follow-up questions so that they can be understood alone.

Rules come first. They replace a pronoun by the noun of the last question or answer ("Who made
it?"), complete an elliptic question ("What about grayling?", "And in 2022?"), and add what a
definite thing belongs to ("Who gives the permit?"). A question that refers to nothing before it is
left as it is. The rules are English; a short question in another language that refers back gets the
last question put before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from chalicelib.retrieval.answer.citations import strip_marks
from chalicelib.retrieval.answer.outcome_texts import is_refusal
from chalicelib.retrieval.answer.question_types import strip_question_words
from chalicelib.retrieval.text.noun_phrases import NounPhrase, find_noun_phrases, is_plural
from chalicelib.retrieval.text.terms import names_in, numbers_in, terms, words

if TYPE_CHECKING:
    from chalicelib.contracts.answers import ConversationTurn


_PRONOUN = re.compile(
    r"\b(?P<it>it|its|itself)\b|\b(?P<they>they|them|their)\b"
    r"|\b(?P<person>he|him|his|she|her|hers)\b"
    r"|\b(?P<this>this|that|these|those)(?=\s+(?:is|was|are|were|mean|cost|happen|work|be)\b|$)"
    r"|(?P<one>\b(?:one|ones)\b(?=\s+(?:is|was|are|were|be|due)\b|$|\s+\w+$))",
    re.IGNORECASE,
)


_EMPTY_IT = re.compile(
    r"\b(?:does|did|will|would) it take\b|\bis it (?:possible|necessary|true|safe)\b", re.IGNORECASE
)


_OWNING = frozenset("its their his".split())  # noqa: SIM905


_ORDER = re.compile(
    r"^(?:the|a|an)?\s*(?:(?:last|next|previous|first|second|new|newest|old|other)\s+)*",
    re.IGNORECASE,
)


_DOES = re.compile(r"\b(?:do|does|did)\s+$", re.IGNORECASE)


_PEOPLE = re.compile(r"^who", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PreviousTurn:
    """The last turn: its question as rewritten, and its answer, "" if it had none."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Antecedents:
    """The nouns of the last turn that pronouns of a follow-up can refer to."""

    question_nouns: tuple[str, ...]
    """Phrases of the question: each phrase, then what it is `of`."""
    answer_nouns: tuple[str, ...]
    """Phrases of the answer."""
    people: tuple[str, ...]
    """Names in the answer, first those that the question did not mention."""
    asks_for_person: bool

    @classmethod
    def from_turn(cls, said: PreviousTurn) -> Self:
        """Return the antecedents that the turn `said` offers."""
        answer = find_noun_phrases(said.answer)
        phrases = find_noun_phrases(said.question)
        called = [part for phrase in answer for part in phrase.parts if _is_name(part)]
        known = set(words(said.question))
        called.sort(key=lambda name: (set(words(name)) <= known, -len(name.split())))
        return cls(
            question_nouns=tuple(_things(_by_rank(said.question, phrases), answer)),
            answer_nouns=tuple(_within(phrase) for phrase in answer),
            people=tuple(called),
            asks_for_person=_PEOPLE.match(said.question) is not None,
        )

    @property
    def topic(self) -> str:
        """Return the topic of the last turn, "" if it has none."""
        return next(iter(self.question_nouns or self.answer_nouns), "")

    def resolve(self, question: str) -> tuple[str, bool, bool]:
        """Return `question` with nouns for pronouns, whether that is certain, and if it had any."""
        empty = [match.span() for match in _EMPTY_IT.finditer(question)]
        sure, pointed, text, at = True, False, "", 0
        for match in _PRONOUN.finditer(question):
            if any(start <= match.start() < end for start, end in empty):
                continue
            pointed = True
            choices = self._choices(str(match.lastgroup))
            sure = sure and len(choices) == 1
            if not choices:
                continue
            text += question[at : match.start()] + _inflected(match.group(), choices[0])
            at = match.end()
        return text + question[at:], sure, pointed

    def _choices(self, kind: str) -> list[str]:
        """Return the nouns that a pronoun of `kind` may stand for, the likeliest first."""
        if kind == "person":
            return [*self.people, *(self.answer_nouns[:1] if not self.people else ())]
        if kind == "they":
            several = self._first(is_plural)
            if several or not self.asks_for_person:
                return several or list(self.answer_nouns[:1])
            return list(self.people or self.answer_nouns[:1])
        if kind == "one":
            return [_ORDER.sub("", thing) for thing in self.question_nouns]
        return self._first(lambda noun: not is_plural(noun)) or list(self.question_nouns)

    def _first(self, fits: Callable[[str], bool]) -> list[str]:
        for nouns in (self.question_nouns, self.answer_nouns):
            fitting = [noun for noun in nouns if fits(_head(noun)) and not noun[0].isdigit()]
            if fitting:
                return fitting
        return []


def _head(noun: str) -> str:
    return noun.partition(" of ")[0].split()[-1].casefold()


def _by_rank(question: str, phrases: list[NounPhrase]) -> list[NounPhrase]:
    """Return the phrases with the subject of `does` first.

    `How much power does it have?` is about `it`.
    """
    return sorted(phrases, key=lambda phrase: not _DOES.search(question[: phrase.start]))


def _within(phrase: NounPhrase) -> str:
    """Return a phrase as it is written within a sentence."""
    opens = phrase.start == 0 and not _is_name(phrase.text)
    return phrase.text[0].lower() + phrase.text[1:] if opens else phrase.text


def _things(asked: list[NounPhrase], answer: list[NounPhrase]) -> Iterator[str]:
    by_head = {phrase.head: _within(phrase) for phrase in answer if len(phrase.parts) > 1}
    for phrase in asked:
        bare = not phrase.text.casefold().startswith(("the ", "a ", "an "))
        if bare and phrase.head in by_head:
            yield by_head[phrase.head]
        elif bare and phrase.text.islower():
            yield f"the {phrase.text}"
        else:
            yield phrase.text
        yield from phrase.parts[1:]


def _is_name(text: str) -> bool:
    return all(word[0].isupper() for word in text.split())


def _inflected(pronoun: str, noun: str) -> str:
    """Return `noun` in the grammatical case of `pronoun`."""
    return f"{noun}'s" if pronoun.casefold() in _OWNING else noun


MAX_REWRITTEN_CHARACTERS = 400
"""The most characters of a question put into another, and of one that a model rewrote."""
_KEPT = 0.6

_CONNECTIVE = re.compile(r"^(?:and|but|or|so|also|ok|okay|then|now)\b[,:]?\s+", re.IGNORECASE)
_ABOUT = re.compile(r"^(?:what|how) about\s+(?P<rest>.+)$", re.IGNORECASE)
_ASKS = re.compile(
    r"^(?:who|whom|whose|what|which|when|where|why|how|is|are|was|were|do|does|did|can|could|may"
    r"|must|shall|should|will|would|has|have|had|tell|give|show|list|name|explain)\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"^(?:when|where|if|while|after|before|in|on|at|for|during|with|without"
    r"|under|over|from|to|by|since|until)\b",
    re.IGNORECASE,
)
_AUXILIARY = re.compile(
    r"^(?:when|where)\s+(?:is|are|was|were|do|does|did|can|could|may|must|shall|should|will|would"
    r"|has|have|had)\b",
    re.IGNORECASE,
)
_WHICH = re.compile(r"^[a-z]+ (?:which|what|how|whom|whose)\b", re.IGNORECASE)
_ASKS_WITHIN = re.compile(r"\b(?:who|whom|what|which|when|where|why|how)\b", re.IGNORECASE)
_VERB = re.compile(
    r"\b(?:is|are|was|were|do|does|did|can|could|may|must|shall|should|will|would|has|have|had)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\b\d+(?:[.,]\d+)*\b")
_OPENING = re.compile(
    r"^(?:(?:who|whom|whose|what|which|when|where|why|how)\b\s*(?:many|much|far|long|often|old|deep"
    r"|high|fast|quickly|soon)?\s*)",
    re.IGNORECASE,
)
_RELATIONAL = frozenset(
    """price cost date reason result manufacturer maker owner author size age name address number
    work winner deadline capacity weight length height limit rest others other second first last
    third next""".split()  # noqa: SIM905
)
_ELSEWHERE = re.compile(
    r"\b(?:und|er|sie|es|ihn|ihm|ihr|davon|dort|dessen|et|il|elle|ils|elles|cela|ça|celui|y|él|ella"
    r"|eso|esto|lo|en|hij|zij|het|ervan|e|lui|lei|esso|ele|ela|isso|och|den|det)\b",
    re.IGNORECASE,
)
_ENGLISH = re.compile(
    r"\b(?:the|what|who|when|where|which|how|why|is|are|was|were|does|did|of|about|and)\b",
    re.IGNORECASE,
)
_SHORT = 6
_FRAGMENT = 5
"""The most words of an elliptic question; a longer one names its topic itself."""


@dataclass(frozen=True, slots=True)
class RewrittenQuestion:
    """A question that can be understood alone; `is_certain` if the rules had no doubt."""

    text: str
    is_certain: bool = True


def rewrite_question(question: str, history: Sequence[ConversationTurn]) -> RewrittenQuestion:
    """Return `question` as it reads without `history`, oldest turn first.

    Earlier questions may be follow-ups themselves, and are resolved in turn.
    """
    last_turn: PreviousTurn | None = None
    for turn in history:
        resolved = turn.question if last_turn is None else _resolved(turn.question, last_turn).text
        last_turn = PreviousTurn(_bare(resolved), _told(turn.answer))
    return RewrittenQuestion(question) if last_turn is None else _resolved(question, last_turn)


def is_faithful_rewrite(text: str, question: str, history: Sequence[ConversationTurn]) -> bool:
    """Return whether a model's rewriting `text` asks `question` and adds nothing of its own.

    All its words, numbers and names must come from the question or the history, and most of the
    question's words must be in it.
    """
    if (
        not text.rstrip().endswith("?")
        or "\n" in text.strip()
        or len(text) > MAX_REWRITTEN_CHARACTERS
    ):
        return False
    known = "\n".join([question, *(f"{turn.question}\n{turn.answer}" for turn in history)])
    if not set(terms(text)) <= set(terms(known)) or not numbers_in(text) <= numbers_in(known):
        return False
    if not names_in(text) <= set(words(known)):
        return False
    question_terms = set(terms(question))
    return len(question_terms & set(terms(text))) >= _KEPT * len(question_terms)


def _told(answer: str) -> str:
    return "" if is_refusal(answer) else strip_marks(answer).strip()


def _bare(question: str) -> str:
    return question.strip().rstrip("?!. ").strip()


def _resolved(question: str, said: PreviousTurn) -> RewrittenQuestion:
    if not 0 < len(said.question) <= MAX_REWRITTEN_CHARACTERS:
        return RewrittenQuestion(question)
    bare = _CONNECTIVE.sub("", _bare(question))
    connected = bare != _bare(question)
    if not bare or not (connected or _ENGLISH.search(question)):
        return _elsewhere(question, said)
    about = _ABOUT.match(bare)
    if about:
        return RewrittenQuestion(_replaced(said.question, about["rest"]), is_certain=False)
    if _CLAUSE.match(bare) and not _AUXILIARY.match(bare) and not _WHICH.match(bare):
        return RewrittenQuestion(_completed(said.question, bare))
    if _WHICH.match(bare) and not _ASKS.match(bare) and not _VERB.search(bare):
        return RewrittenQuestion(f"{bare} {_OPENING.sub('', said.question)}?")
    if not _ASKS.match(bare) and not _WHICH.match(bare):
        if len(words(bare)) > _FRAGMENT or _VERB.search(bare) or _ASKS_WITHIN.search(bare):
            return RewrittenQuestion(question)
        return RewrittenQuestion(_replaced(said.question, bare), is_certain=False)
    return _pointing(question, bare, said)


def _pointing(question: str, bare: str, said: PreviousTurn) -> RewrittenQuestion:
    """Resolve pronouns, and definite things that the last turn spoke of."""
    antecedents = Antecedents.from_turn(said)
    text, sure, has_pronoun = antecedents.resolve(bare)
    if has_pronoun and text != bare:
        return RewrittenQuestion(f"{text[0].upper()}{text[1:]}?", sure)
    if not terms(strip_question_words(bare)):
        return RewrittenQuestion(f"{bare}: {_OPENING.sub('', said.question)}?", is_certain=False)
    topic = antecedents.topic
    names_topic = set(terms(topic)) <= set(terms(bare))
    if topic and not names_topic and (has_pronoun or _belongs_to_it(bare, said)):
        return RewrittenQuestion(
            f"{topic[0].upper()}{topic[1:]}: {bare[0].lower()}{bare[1:]}?", is_certain=False
        )
    return RewrittenQuestion(question)


def _belongs_to_it(bare: str, said: PreviousTurn) -> bool:
    """Return whether a short question has a definite noun that the last turn spoke of."""
    definite = [
        phrase
        for phrase in find_noun_phrases(bare)
        if phrase.text.casefold().startswith("the ") and len(phrase.parts) == 1
    ]
    if not definite or len(terms(strip_question_words(bare))) > 3:
        return False
    turn_terms = set(terms(f"{said.question}\n{said.answer}"))
    return any(_is_vague(phrase, turn_terms) for phrase in definite)


def _is_vague(phrase: NounPhrase, spoken: set[str]) -> bool:
    own = terms(phrase.text)
    if len(own) > 1:
        return False
    return phrase.head in _RELATIONAL or bool(spoken & set(own))


def _completed(asked: str, clause: str) -> str:
    """Return the last question with `clause` appended, or its number in place of the old one."""
    new, old = _NUMBER.findall(clause), _NUMBER.findall(asked)
    if len(new) == len(old) == 1:
        return f"{_NUMBER.sub(new[0], asked)}?"
    return f"{asked} {clause}?"


def _replaced(asked: str, thing: str) -> str:
    """Return the last question asked about `thing`, in place of its own topic."""
    phrases = find_noun_phrases(asked)
    if not phrases:
        return f"{asked}: {thing}?"
    nouns = set(terms(thing))
    target = next((p for p in phrases if nouns & set(terms(p.text))), phrases[0])
    return f"{asked[: target.start]}{thing}{asked[target.end :]}?"


def _elsewhere(question: str, said: PreviousTurn) -> RewrittenQuestion:
    """Return a short question in another language with the last question put before it."""
    if len(words(question)) <= _SHORT and _ELSEWHERE.search(question):
        return RewrittenQuestion(f"{said.question}? {question}", is_certain=False)
    return RewrittenQuestion(question)
