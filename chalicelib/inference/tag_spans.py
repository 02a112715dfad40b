"""Spans of a text from the tags of its tokens, as models are trained and served. Pure.

Tags are IOB2: a span's first token has B-, its others I-, and all else O. L. Ramshaw and M. Marcus,
1995, https://aclanthology.org/W95-0107. By their numbers: 0 is O, and class c, from 0 on, has
1 + 2c for its B- and 2 + 2c for its I-.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

OUTSIDE = 0

TokenOffsets = Sequence[tuple[int, int]]
"""The characters of each token, start and end; nothing, (0, 0), for special tokens."""


@dataclass(frozen=True, slots=True)
class TagSpan:
    """The tokens from `first` to `last`, with it, that are a span of a class."""

    kind: int
    first: int
    last: int


def tag_names(labels: Sequence[str]) -> tuple[str, ...]:
    """Return the tags by their numbers: O, then B- and I- of each class."""
    return ("O", *(f"{mark}-{label}" for label in labels for mark in "BI"))


def labels_of_tags(tags: Sequence[str]) -> tuple[str, ...]:
    """Return the classes of tags as `tag_names` returns them.

    Raises:
        ValueError: they are others.
    """
    labels = tuple(tag.removeprefix("B-") for tag in tags[1::2])
    if not labels or tuple(tags) != tag_names(labels):
        raise ValueError(f"{', '.join(tags[:5])}… are no tags of spans")
    return labels


def span_characters(text: str, offsets: TokenOffsets, span: TagSpan) -> tuple[int, int]:
    """Return the characters of a span, start and end, without spaces at its edges.

    Some tokenizers count the space before a word as the word's.
    """
    start, end = offsets[span.first][0], offsets[span.last][1]
    words = text[start:end].strip()
    if not words:
        return start, end
    start = text.index(words, start)
    return start, start + len(words)


def tag_spans(offsets: TokenOffsets, tags: Sequence[int]) -> list[TagSpan]:
    """Return the spans of tags. An I- that follows no tag of its class begins a span, too."""
    found: list[TagSpan] = []
    before = OUTSIDE
    for at, ((start, end), tag) in enumerate(zip(offsets, tags, strict=True)):
        if start >= end:
            continue
        kind, inside = (tag - 1) // 2, tag > OUTSIDE and tag % 2 == 0
        if inside and before and (before - 1) // 2 == kind:
            found[-1] = TagSpan(kind, found[-1].first, at)
        elif tag > OUTSIDE:
            found.append(TagSpan(kind, at, at))
        before = tag
    return found
