"""Rules that decide whether a sentence can reply to a question, not only resemble it.

A question that the documents do not answer mostly asks for something unsaid about a thing that they
do name, and a sentence about that thing is similar to the question all the same.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from chalicelib.retrieval.answer.question_types import asked_measure, asks_with, states_measure
from chalicelib.retrieval.answer.support.entities import missing_entities
from chalicelib.retrieval.answer.topics import covers_topic
from chalicelib.retrieval.text.language import ENGLISH, detect_language
from chalicelib.retrieval.text.parsed_text import ParsedText, parse_text
from chalicelib.retrieval.text.quantities import ORDINAL
from chalicelib.retrieval.text.terms import word_set
from chalicelib.retrieval.text.units import COUNT, FRACTION, parse_unit

if TYPE_CHECKING:
    from chalicelib.contracts.search import Hit
    from chalicelib.retrieval.answer.evidence import Evidence


_PEOPLE = word_set(
    "person people member members engineer engineers supervisor officer treasurer secretary chair"
    " board director manager owner owners maker company firm authority council committee court"
    " doctor nurse teacher tenant tenants landlord parents visitors staff team workers captain crew"
    " police customer customers sender recipient employer employees association department service"
    " bank nobody everyone somebody residents users user students pupils guests passengers drivers"
    " children adults troops army club clubs foundation institute university school laboratory"
    " widow son daughter mother father wife husband brother sister friends neighbours painter"
    " artist writer president minister mayor king queen duke judge lawyer agent operator operators"
    " administrator administrators supplier contractor sponsor union party government ministry"
    " electrician volunteers auditors shift cooperative family"
)


_BE = word_set("is are was were be been being")


_ASKED_OF = re.compile(r"\b(?:who|whom) (?:is|are|was|were|has been|have been)\b", re.IGNORECASE)


_NEAR = 3


def names_agent(question: ParsedText, sentence: ParsedText) -> bool:
    """Return whether the sentence names a person or office that the question does not.

    A passive without an agent names nobody: `it was renewed in 1987`.
    """
    question_words = {word.folded for word in question.words}
    sentence_names = {
        sentence.words[at].folded
        for at in sentence.names
        if not sentence.words[at].written.isupper()
    }
    called = {word.folded for word in sentence.words} & _PEOPLE
    doing = _told(question, sentence)
    opening = {sentence.words[0].folded} if _opens_as_name(sentence, doing) else set()
    return bool((sentence_names | called | opening) - question_words) and not _only_suffered(
        question, sentence, doing
    )


def _told(question: ParsedText, sentence: ParsedText) -> list[int]:
    """Return the places in the sentence of the question's first word of meaning: its verb."""
    verb_stems = {question.words[at].stem for at in question.content[:1]}
    return [at for at in sentence.content if sentence.words[at].stem in verb_stems]


def _opens_as_name(sentence: ParsedText, doing: list[int]) -> bool:
    """Return whether the sentence opens with a name: the verb follows its first word."""
    return 1 in doing and 0 in sentence.content and sentence.words[0].written[0].isupper()


def _only_suffered(question: ParsedText, sentence: ParsedText, doing: list[int]) -> bool:
    if _ASKED_OF.search(question.text):
        return False
    return bool(doing) and all(_without_agent(sentence, at) for at in doing)


def _without_agent(sentence: ParsedText, place: int) -> bool:
    before = {word.folded for word in sentence.words[max(0, place - _NEAR) : place]}
    after = {word.folded for word in sentence.words[place + 1 :]}
    return not _BE.isdisjoint(before) and "by" not in after


_CAUSES = word_set(
    "because since due owing reason reasons cause caused causes therefore thus hence"
)


_MAKING = word_set(
    "made makes make maker built build builds builder manufactured manufacturer produced producer"
    " supplied constructed construction"
)


_SEASONS = word_set(
    "spring summer autumn winter morning noon afternoon evening night today tomorrow before after"
    " when until daily weekly monthly yearly every"
)


_PLACING = word_set("in at on near behind beside under above from to into outside inside over")


_BEFORE_PLACES = word_set("the a an its his her their our all both this that")


_STUFF = re.compile(r"\bhow much (?!more|less|longer|did|do|does|is|was|will)\w", re.IGNORECASE)


_NO_STUFF = frozenset({COUNT, "length", ORDINAL})


_FEW = word_set("no none nobody single both several few")


def can_reply(question: ParsedText, sentence: ParsedText) -> bool:
    """Return whether `sentence` has the kind of thing that `question` asks for.

    A sum of money for a cost, a width for how wide, a cause for why, a date for when, a place for
    where, a person for who. A question of no such kind can have any reply.
    """
    measure = asked_measure(question)
    if measure is not None:
        return states_measure(measure, question, sentence)
    for pattern, holds in _WAYS:
        if asks_with(pattern, question.text):
            return holds(question, sentence)
    return True


def _tells_why(question: ParsedText, sentence: ParsedText) -> bool:
    folded_words = {word.folded for word in sentence.words}
    if sentence.times:
        folded_words.discard("since")
    return not _CAUSES.isdisjoint(folded_words) or "so that" in sentence.text


def _tells_when(question: ParsedText, sentence: ParsedText) -> bool:
    folded_words = {word.folded for word in sentence.words}
    return bool(sentence.times) or not _SEASONS.isdisjoint(folded_words)


def _tells_maker(question: ParsedText, sentence: ParsedText) -> bool:
    folded_words = {word.folded for word in sentence.words}
    return not _MAKING.isdisjoint(folded_words) and names_agent(question, sentence)


def _tells_where(question: ParsedText, sentence: ParsedText) -> bool:
    """Return whether a word of place has a noun behind it: `at the hut`, but not `at 2`."""
    for at, word in enumerate(sentence.words):
        if word.folded not in _PLACING:
            continue
        rest = range(at + 1, len(sentence.words))
        skip = itertools.dropwhile(lambda n: sentence.words[n].folded in _BEFORE_PLACES, rest)
        if next(skip, None) in sentence.content:
            return True
    return False


def _tells_how_many(question: ParsedText, sentence: ParsedText) -> bool:
    """Return whether things are counted, or measured if the question names a unit.

    `How many litres` names one.
    """
    counted = _counted(question)
    unit = parse_unit(question.words[counted].written) if counted is not None else None
    kinds = {COUNT, FRACTION} | ({unit[0]} if unit is not None else set())
    folded_words = {word.folded for word in sentence.words}
    return any(
        quantity.dimension in kinds for quantity in sentence.quantities
    ) or not _FEW.isdisjoint(folded_words)


def _tells_how_much(question: ParsedText, sentence: ParsedText) -> bool:
    """Return whether an amount is stated; of a stuff, one that is neither count nor length."""
    of_stuff = _STUFF.search(question.text) is not None
    amounts = [quantity.dimension for quantity in sentence.quantities]
    return any(not (of_stuff and dimension in _NO_STUFF) for dimension in amounts)


_WAYS: tuple[tuple[re.Pattern[str], Callable[[ParsedText, ParsedText], bool]], ...] = tuple(
    (re.compile(wording, re.IGNORECASE), holds)
    for wording, holds in (
        (r"^\W*why\b|\bwhat (?:caused|causes)\b|\bwhat\b.*\b(?:reason|cause)\b", _tells_why),
        (r"\b(?:when|what (?:time|year|date|day)|which (?:day|year|month))\b", _tells_when),
        (r"\bwho (?:made|built|manufactured|produced)\b", _tells_maker),
        (r"\b(?:who|whom|whose)\b", names_agent),
        (r"^\W*where\b", _tells_where),
        (r"\bhow many\b", _tells_how_many),
        (r"\bhow much\b", _tells_how_much),
    )
)


def knows_counted_noun(question: ParsedText, passage: frozenset[str]) -> bool:
    """Return whether the stems of a passage include the noun that `how many` counts."""
    counted = _counted(question)
    return counted is None or question.words[counted].stem in passage


def _counted(question: ParsedText) -> int | None:
    folded = [word.folded for word in question.words]
    for at in range(len(folded) - 2):
        if folded[at : at + 2] == ["how", "many"]:
            run = list(
                itertools.takewhile(
                    lambda place: place in question.content, range(at + 2, len(folded))
                )
            )
            return run[-1] if run else None
    return None


def filter_replies(question: str, evidence: Sequence[Evidence]) -> list[Evidence]:
    """Return the sentences, in their order, that can reply to `question`.

    Such a sentence has the kind of thing that is asked for, and speaks of the question's topic. Its
    passage has every number, date and name of the question and the noun that `how many` counts, and
    the sentence itself states no other date instead. The kind of thing is recognised by English
    words: for a question in another language only the passage is checked.
    """
    parsed_question, english = parse_text(question), detect_language(question) in {"", ENGLISH}
    passages = {id(item.source.passage): item.source.passage for item in evidence}
    known = {
        key: _PassageKnowledge.from_passage(passage, parsed_question)
        for key, passage in passages.items()
    }
    return [
        item
        for item in evidence
        if known[id(item.source.passage)].replies(
            parse_text(item.source.statement), parsed_question, english=english
        )
    ]


@dataclass(frozen=True, slots=True)
class ReplyVerdict:
    """What each rule says of a sentence; a question in another language than English has no topic.

    `knows_entities` and `knows_counted_noun` are of its passage, the rest of the sentence itself.
    """

    knows_entities: bool
    knows_counted_noun: bool
    agrees_on_dates: bool
    has_kind: bool
    covers_topic: bool


def judge_reply(question: str, item: Evidence) -> ReplyVerdict:
    """Return the verdict of each rule on one sentence."""
    asked, english = parse_text(question), detect_language(question) in {"", ENGLISH}
    passage = _PassageKnowledge.from_passage(item.source.passage, asked)
    sentence = parse_text(item.source.statement)
    return ReplyVerdict(
        passage.knows_entities,
        passage.knows_counted_noun,
        all(map(sentence.agrees_on, asked.times)),
        not english or can_reply(asked, sentence),
        not english or passage.covers_topic(sentence, asked),
    )


@dataclass(frozen=True, slots=True)
class _PassageKnowledge:
    """The stems of a passage, of its heading and path, and whether it can reply at all."""

    heading: frozenset[str]
    stems: frozenset[str]
    knows_entities: bool
    knows_counted_noun: bool

    @classmethod
    def from_passage(cls, passage: Hit, asked: ParsedText) -> Self:
        text, heading = parse_text(passage.text), parse_text(f"{passage.heading} {passage.path}")
        over = frozenset(word.stem for word in heading.words)
        stems = over | {word.stem for word in text.words}
        return cls(
            over,
            stems,
            not missing_entities(asked, [text, heading]),
            knows_counted_noun(asked, stems),
        )

    def replies(self, sentence: ParsedText, asked: ParsedText, *, english: bool) -> bool:
        """Return whether a sentence of the passage replies to the question."""
        knows = self.knows_entities and self.knows_counted_noun
        if not knows or not all(map(sentence.agrees_on, asked.times)):
            return False
        return not english or (can_reply(asked, sentence) and self.covers_topic(sentence, asked))

    def covers_topic(self, sentence: ParsedText, asked: ParsedText) -> bool:
        """Return whether a sentence under the passage's heading speaks of the topic."""
        stems = self.heading | {word.stem for word in sentence.words}
        return covers_topic(asked, stems, self.stems)
