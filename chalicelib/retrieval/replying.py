"""Sentences that are near to a question and reply to it, as against those that are only near.

A question that the documents do not answer mostly asks of a thing that they name for what they do
not say of it, and a sentence about the thing is near to it all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from chalicelib.retrieval.language import language_of
from chalicelib.retrieval.refusals import ENGLISH
from chalicelib.retrieval.support.figures import missing
from chalicelib.retrieval.support.reading import Reading, read
from chalicelib.retrieval.support.replies import asks_of, can_reply
from chalicelib.retrieval.support.topics import tells_of

if TYPE_CHECKING:
    from chalicelib.contracts.searching import Hit
    from chalicelib.retrieval.answering import Evidence


def replying(question: str, evidence: Sequence[Evidence]) -> list[Evidence]:
    """Return the sentences, in their order, that can reply to `question`.

    Such a sentence holds the kind of thing that is asked for and speaks of what is asked. Its
    passage knows every number, date and name of the question and what `how many` asks to be
    counted, and the sentence itself tells no other date in their stead. What is asked for is told
    by English words: a question in another language has to be known alone.
    """
    asked, english = read(question), language_of(question) in {"", ENGLISH}
    passages = {id(item.source.passage): item.source.passage for item in evidence}
    known = {key: _Known.of(passage, asked) for key, passage in passages.items()}
    return [
        item
        for item in evidence
        if known[id(item.source.passage)].replies(read(item.source.told), asked, english=english)
    ]


@dataclass(frozen=True, slots=True)
class _Known:
    """What a passage knows: the stems of its heading and path, those of all of it, and whether it
    can reply at all.
    """

    heading: frozenset[str]
    stems: frozenset[str]
    knows: bool

    @classmethod
    def of(cls, passage: Hit, asked: Reading) -> Self:
        text, heading = read(passage.text), read(f"{passage.heading} {passage.path}")
        over = frozenset(word.stem for word in heading.words)
        stems = over | {word.stem for word in text.words}
        return cls(over, stems, not missing(asked, [text, heading]) and asks_of(asked, stems))

    def replies(self, sentence: Reading, asked: Reading, *, english: bool) -> bool:
        """Say whether a sentence of the passage replies to the question."""
        if not self.knows or not all(map(sentence.tells_no_other, asked.moments)):
            return False
        told = self.heading | {word.stem for word in sentence.words}
        replies = can_reply(asked, sentence) and tells_of(asked, told, self.stems)
        return replies or not english
