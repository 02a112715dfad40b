"""Texts with labelled spans, as a channel, and their spans as tags of tokens (IOB2)."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from chalicelib.inference.tag_spans import (
    OUTSIDE,
    TokenOffsets,
    span_characters,
    tag_names,
    tag_spans,
)
from models.failures import BadData
from models.training_data.channel import read_channel
from models.training_data.row_groups import RowGroups, row_groups
from models.training_data.rows import TaggedText

IGNORED = -100
"""The tag of tokens that no text has: torch's cross-entropy leaves them out."""
MAX_CLASSES = 250
_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True, order=True)
class Entity:
    """A class and the characters from `start` up to, not with, `end`."""

    start: int
    end: int
    label: str


Entities = Sequence[frozenset[Entity]]
"""The spans of each text."""


@dataclass(frozen=True, slots=True)
class TaggedPart:
    """Texts, the spans in each, and which texts are of one group."""

    texts: Sequence[str]
    entities: Entities
    groups: RowGroups


@dataclass(frozen=True, slots=True)
class TaggedTexts:
    """A channel. `labels` are the classes of the training rows' spans, in order of their names."""

    labels: tuple[str, ...]
    train: TaggedPart
    validation: TaggedPart
    test: TaggedPart

    @property
    def tags(self) -> tuple[str, ...]:
        """Return the tags by their numbers: O, then B- and I- of each class."""
        return tag_names(self.labels)

    def for_trial(self) -> TaggedTexts:
        """Return the channel with the validation rows in place of the test's."""
        if not self.validation.texts:
            raise BadData("There are no validation rows to try settings on.")
        return TaggedTexts(self.labels, self.train, self.validation, self.validation)


def read(folder: Path) -> TaggedTexts:
    """Read a channel.

    Raises:
        BadData: a row is broken; no training row, or no held-out row, has a span; or there are too
            many classes.
    """
    channel = read_channel(folder, TaggedText)
    labels = tuple(sorted({span.label for row in channel.train for span in row.spans}))
    if not labels:
        raise BadData("train.jsonl has no span in any row: there is nothing to learn.")
    if len(labels) > MAX_CLASSES:
        raise BadData(f"train.jsonl has {len(labels)} classes, and {MAX_CLASSES} are the most.")
    if not any(row.spans for row in channel.test):
        raise BadData("test.jsonl has no span in any row: nothing could be judged.")
    return TaggedTexts(labels, _part(channel.train), _part(channel.validation), _part(channel.test))


def _part(rows: Iterable[TaggedText]) -> TaggedPart:
    rows = list(rows)
    return TaggedPart(
        [row.text for row in rows],
        [frozenset(_trimmed(row.text, row)) for row in rows],
        row_groups(rows),
    )


def _trimmed(text: str, row: TaggedText) -> Iterable[Entity]:
    """Yield the spans without spaces at their edges, which are of no token."""
    for span in row.spans:
        inside = text[span.start : span.end]
        start = span.start + len(inside) - len(inside.lstrip())
        end = span.end - (len(inside) - len(inside.rstrip()))
        if start < end:
            yield Entity(start, end, span.label)


def token_tags(
    offsets: TokenOffsets, entities: Iterable[Entity], labels: Sequence[str]
) -> list[int]:
    """Return the tag of each token: that of the span that it shares a character with, if any."""
    tags = [OUTSIDE if start < end else IGNORED for start, end in offsets]
    for entity in sorted(entities):
        first = 1 + 2 * labels.index(entity.label)
        inside = [
            at
            for at, (start, end) in enumerate(offsets)
            if start < end and start < entity.end and entity.start < end
        ]
        for place, at in enumerate(inside):
            tags[at] = first if place == 0 else first + 1
    return tags


def entities_of(
    text: str, offsets: TokenOffsets, tags: Sequence[int], labels: Sequence[str]
) -> frozenset[Entity]:
    """Return the spans of a text's tags, as they are served."""
    return frozenset(
        Entity(*span_characters(text, offsets, span), labels[span.kind])
        for span in tag_spans(offsets, tags)
    )


def lookup(part: TaggedPart, texts: Sequence[str]) -> Entities:
    """Return the spans that a list of the training's spans would find: a baseline without a model.

    A string has the class that it has most often, if it is a span more often than it is not; of
    two that overlap, the longer one is told.
    """
    counts: dict[str, dict[str, int]] = {}
    for text, entities in zip(part.texts, part.entities, strict=True):
        for each in entities:
            told = counts.setdefault(text[each.start : each.end], {})
            told[each.label] = told.get(each.label, 0) + 1
    known = {
        words: max(sorted(labels), key=lambda label: labels[label])
        for words, labels in counts.items()
        if 2 * sum(labels.values()) >= sum(_occurs(words, text) for text in part.texts)
    }
    longest = sorted(known, key=lambda words: (-len(words), words))
    return [_looked_up(text, longest, known) for text in texts]


def by_chance(part: TaggedPart, wanted: TaggedPart, drawing: random.Random) -> Entities:
    """Return spans of words by chance: as many and as long ones as each text has.

    Their classes are drawn as the training has them. A model that has learned nothing can't do
    better, even if it knows how many spans there are.
    """
    labels = [each.label for entities in part.entities for each in sorted(entities)]
    return [
        frozenset(
            _drawn_span(_words(text), len(_words(text[each.start : each.end])), drawing, labels)
            for each in sorted(entities)
        )
        for text, entities in zip(wanted.texts, wanted.entities, strict=True)
    ]


def _words(text: str) -> list[tuple[int, int]]:
    return [found.span() for found in _WORD.finditer(text)]


def _drawn_span(
    words: Sequence[tuple[int, int]], length: int, drawing: random.Random, labels: Sequence[str]
) -> Entity:
    first = drawing.randrange(max(1, len(words) - length + 1))
    last = min(len(words), first + length) - 1
    return Entity(words[first][0], words[last][1], drawing.choice(labels))


def _looked_up(text: str, longest: Sequence[str], known: dict[str, str]) -> frozenset[Entity]:
    found: list[Entity] = []
    for words in longest:
        for start in _places(words, text):
            end = start + len(words)
            if all(end <= each.start or each.end <= start for each in found):
                found.append(Entity(start, end, known[words]))
    return frozenset(found)


def _occurs(words: str, text: str) -> int:
    return len(_places(words, text))


def _places(words: str, text: str) -> list[int]:
    """Return where words stand in a text as whole words."""
    found, at = [], text.find(words)
    while at >= 0:
        end = at + len(words)
        if not text[at - 1 : at].isalnum() and not text[end : end + 1].isalnum():
            found.append(at)
        at = text.find(words, end)
    return found
