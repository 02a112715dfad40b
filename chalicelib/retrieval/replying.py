"""Sentences that are near to a question and reply to it, as against those that are only near.

A question that the documents do not answer mostly asks of a thing that they name for what they do
not say of it, and a sentence about the thing is near to it all the same.
"""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.contracts import Hit
from chalicelib.retrieval.answering import Evidence
from chalicelib.retrieval.support.figures import missing
from chalicelib.retrieval.support.reading import Reading, read
from chalicelib.retrieval.support.replies import asks_of, can_reply


def replying(question: str, evidence: Sequence[Evidence]) -> list[Evidence]:
    """Return the sentences, in their order, that can reply to `question`.

    Such a sentence holds the kind of thing that is asked for, and its passage knows every number,
    date and name of the question and what `how many` asks to be counted.
    """
    asked = read(question)
    known: dict[int, bool] = {}
    found = []
    for item in evidence:
        passage = item.source.passage
        if id(passage) not in known:
            known[id(passage)] = _knows(passage, asked)
        if known[id(passage)] and can_reply(asked, read(item.source.text)):
            found.append(item)
    return found


def _knows(passage: Hit, asked: Reading) -> bool:
    text, heading = read(passage.text), read(f"{passage.heading} {passage.path}")
    stems = frozenset(word.stem for word in (*text.words, *heading.words))
    return not missing(asked, [text], heading) and asks_of(asked, stems)
