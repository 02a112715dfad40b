"""Names, places and terms within running text, told by a small tagger of words.

Each word begins a span, goes on with one, or is outside; a logistic regression over hashed groups
of letters, forms and neighbours says how likely each is. Letters tell `GmbH` and `Weeks` in words
that were never seen. It is learned by `python -m models.sentence_spans`.
L. Ratinov, D. Roth, Design challenges and misconceptions in named entity recognition, CoNLL 2009,
https://aclanthology.org/W09-1119
"""

from __future__ import annotations

import base64
import functools
import json
import re
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SPANS = Path(__file__).with_name("span_tagger.json")

OUTSIDE, BEGINS, GOES_ON = range(3)
MAX_WORDS = 12
"""Words of a span."""
MIN_BEGIN, MIN_GO_ON, MIN_SPAN = 0.05, 0.1, 0.02
"""Probabilities below which no span begins, goes on, or is worth to look at."""
_GRAMS = (2, 3, 4)
_MAX_LETTERS = 24
_TOKEN = re.compile(r"\S+")
_INNER = re.compile(r"[^\W_](?:.*[^\W_])?", re.DOTALL)
_RUNS = re.compile(r"(.)\1+")
_ENDS = frozenset(".!?;:")


@dataclass(frozen=True, slots=True)
class TextToken:
    """A word of a text from `start` to `end`, and the signs that stand against it on each side."""

    text: str
    start: int
    end: int
    before: str
    behind: str


@dataclass(frozen=True, slots=True)
class LikelySpan:
    """Characters `start` to `end` of a text that may be a value, and how likely."""

    start: int
    end: int
    likely: float


@dataclass(frozen=True, slots=True, eq=False)
class SpanTagger:
    """Tags the words of texts.

    Attributes:
        rows: (hashes, 3), in whole numbers of `scale`.
        bias: (3,).
        scale: What 1 of a row is worth in log odds.
    """

    rows: NDArray[np.int8]
    bias: NDArray[np.float32]
    scale: float

    def spans(self, text: str) -> list[LikelySpan]:
        """Return the spans of a text that are likely enough, the likeliest first."""
        tokens = list(text_tokens(text))
        if not tokens:
            return []
        chances = self.probabilities(tokens)
        found: list[LikelySpan] = []
        for first, token in enumerate(tokens):
            likely = float(chances[first, BEGINS])
            if likely < MIN_BEGIN:
                continue
            for last in range(first, min(first + MAX_WORDS, len(tokens))):
                if last > first:
                    likely *= float(chances[last, GOES_ON])
                    if chances[last, GOES_ON] < MIN_GO_ON or likely < MIN_SPAN:
                        break
                stops = 1.0 if last + 1 == len(tokens) else 1 - float(chances[last + 1, GOES_ON])
                if likely * stops >= MIN_SPAN:
                    found.append(LikelySpan(token.start, tokens[last].end, likely * stops))
        return sorted(found, key=lambda each: -each.likely)

    def probabilities(self, tokens: Sequence[TextToken]) -> NDArray[np.float32]:
        """Return how likely each word is outside of a span, begins one or goes on, (words, 3)."""
        sums = [
            self.rows[rows].sum(axis=0, dtype=np.int32)
            for rows in token_rows(tokens, len(self.rows))
        ]
        logits = np.array(sums, np.float32) * np.float32(self.scale) + self.bias
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares: NDArray[np.float32] = raised / raised.sum(axis=1, keepdims=True)
        return shares


def text_tokens(text: str) -> Iterator[TextToken]:
    """Yield the words of a text, without the signs around them; a sign alone goes with the next."""
    lead = ""
    for found in _TOKEN.finditer(text):
        inner = _INNER.search(found.group())
        if inner is None:
            lead += found.group()
            continue
        start, end = found.start() + inner.start(), found.start() + inner.end()
        behind = found.group()[inner.end() :]
        if behind.startswith(".") and "." in inner.group():
            end, behind = end + 1, behind[1:]
        yield TextToken(text[start:end], start, end, lead + found.group()[: inner.start()], behind)
        lead = ""


def token_rows(tokens: Sequence[TextToken], count: int) -> Iterator[list[int]]:
    """Yield the rows of the features of each word, of `count` rows."""
    shapes = [_shape(token.text) for token in tokens]
    folded = [token.text.casefold()[:_MAX_LETTERS] for token in tokens]
    for at, token in enumerate(tokens):
        previous = at - 1 if at else None
        following = at + 1 if at + 1 < len(tokens) else None
        parted = previous is None or bool(_ENDS & set(tokens[previous].behind))
        before = "" if previous is None else shapes[previous]
        after = "" if following is None else shapes[following]
        closed = "" if previous is None else tokens[previous].behind[:1]
        own = f"<{folded[at]}>"
        names = [
            f"w{own}",
            f"s{shapes[at]}",
            f"f{parted}{shapes[at]}",
            f"o{token.before[-1:]}",
            f"c{token.behind[:1]}",
            f"q{closed}",
            f"l{before}|{shapes[at]}|{closed}",
            f"r{shapes[at]}|{after}|{token.behind[:1]}",
            f"p{'' if previous is None else folded[previous]}",
            f"n{'' if following is None else folded[following]}",
            *(f"g{own[n : n + size]}" for size in _GRAMS for n in range(len(own) - size + 1)),
        ]
        yield [zlib.crc32(name.encode()) % count for name in names]


CONTEXT = frozenset((8, 9))
"""The numbers of a word's features that are the words beside it."""


@functools.lru_cache(maxsize=4096)
def _shape(text: str) -> str:
    """Return the form of a word: `Xx` of a capital and small letters, `d` of digits."""
    kinds = []
    for sign in text:
        category = unicodedata.category(sign)
        if category in ("Lu", "Lt"):
            kinds.append("X")
        elif category.startswith(("L", "M")):
            kinds.append("x")
        else:
            kinds.append("d" if category.startswith("N") else sign)
    return _RUNS.sub(r"\1", "".join(kinds))[:8]


def tagger_document(tagger: SpanTagger) -> dict[str, object]:
    """Return a tagger in the form that `parse_span_tagger` reads."""
    return {
        "scale": tagger.scale,
        "bias": [round(float(each), 4) for each in tagger.bias],
        "rows": len(tagger.rows),
        "base64": base64.b64encode(tagger.rows.tobytes()).decode(),
    }


def parse_span_tagger(written: str) -> SpanTagger:
    """Return a tagger from its JSON."""
    document = json.loads(written)
    rows = np.frombuffer(base64.b64decode(document["base64"]), np.int8)
    return SpanTagger(
        rows.reshape(document["rows"], 3),
        np.array(document["bias"], np.float32),
        float(document["scale"]),
    )


@functools.cache
def span_tagger() -> SpanTagger:
    """Return the tagger that is shipped, read once per process."""
    return parse_span_tagger(SPANS.read_text("utf-8"))
