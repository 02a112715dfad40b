"""Whether a sentence tells of somebody: for questions of who."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from chalicelib.retrieval.support.words import word_set

if TYPE_CHECKING:
    from chalicelib.retrieval.support.reading import Reading

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


def names_somebody(question: Reading, sentence: Reading) -> bool:
    """Say whether somebody is named, or called by an office, whom the question does not name.

    What is told as done without saying by whom tells nobody: `it was renewed in 1987`.
    """
    asked = {word.folded for word in question.words}
    named = {
        sentence.words[at].folded
        for at in sentence.names
        if not sentence.words[at].written.isupper()
    }
    called = {word.folded for word in sentence.words} & _PEOPLE
    doing = _told(question, sentence)
    opening = {sentence.words[0].folded} if _opens_as_name(sentence, doing) else set()
    return bool((named | called | opening) - asked) and not _only_suffered(
        question, sentence, doing
    )


def _told(question: Reading, sentence: Reading) -> list[int]:
    """Return where the sentence tells the first word of meaning of the question: its verb."""
    asked = {question.words[at].stem for at in question.content[:1]}
    return [at for at in sentence.content if sentence.words[at].stem in asked]


def _opens_as_name(sentence: Reading, doing: list[int]) -> bool:
    """Say whether the capital letter that opens a sentence is a name's: the verb follows it."""
    return 1 in doing and 0 in sentence.content and sentence.words[0].written[0].isupper()


def _only_suffered(question: Reading, sentence: Reading, doing: list[int]) -> bool:
    if _ASKED_OF.search(question.text):
        return False
    return bool(doing) and all(_without_agent(sentence, at) for at in doing)


def _without_agent(sentence: Reading, place: int) -> bool:
    before = {word.folded for word in sentence.words[max(0, place - _NEAR) : place]}
    after = {word.folded for word in sentence.words[place + 1 :]}
    return not _BE.isdisjoint(before) and "by" not in after
