"""Figures of recognised speech: words in error, times, and speakers."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

_LETTERS = re.compile(r"[a-z0-9]+")
_WORD = re.compile(r"[a-z0-9']+")
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    "nineteen",
)
_SPELT = {
    "neighbourhood": "neighborhood",
    "traveller": "traveler",
    "grey": "gray",
    "smokey": "smoky",
    "mr": "mister",
    "19th": "nineteenth",
}
RESAMPLES = 2_000
_MAX_MATCHED = 8
"""Groups of which every assignment is tried."""


def words(text: str, language: str = "en") -> list[str]:
    """Return the words of a text as they are compared: small letters, numbers below 100 spelt.

    Of other languages than English, letters are without accents, which texts often lack, words end
    at apostrophes, and numbers stay as they are.
    """
    if language != "en":
        plain = unicodedata.normalize("NFD", text.casefold())
        return _LETTERS.findall("".join(c for c in plain if not unicodedata.combining(c)))
    found = _WORD.findall(text.lower().replace("’", "'").replace("-", " "))  # noqa: RUF001
    return [spelt for word in found for spelt in _spelt(word.strip("'"))]


def _spelt(word: str) -> list[str]:
    if word.isdigit() and int(word) < 20:
        return [_SMALL[int(word)]]
    if word.isdigit() and int(word) < 100:
        rest = int(word) % 10
        return [_TENS[int(word) // 10 - 2], *([_SMALL[rest]] if rest else [])]
    return [_SPELT.get(word, word)] if word else []


def errors(expected: Sequence[str], heard: Sequence[str]) -> int:
    """Return the fewest words that are replaced, left out and added."""
    best = list(range(len(heard) + 1))
    for row, word in enumerate(expected, 1):
        before, best[0] = best[0], row
        for column, other in enumerate(heard, 1):
            before, best[column] = (
                best[column],
                min(best[column] + 1, best[column - 1] + 1, before + (word != other)),
            )
    return best[-1]


def error_rate(counts: Sequence[tuple[int, int]], seed: int = 0) -> dict[str, float]:
    """Return errors a word, of (errors, words) of each recording, with a 95 % interval.

    Recordings are drawn again with replacement.
    """
    table = np.array(counts, np.float64)
    rng = np.random.default_rng(seed)
    drawn = table[rng.integers(len(table), size=(RESAMPLES, len(table)))].sum(axis=1)
    low, high = np.percentile(drawn[:, 0] / drawn[:, 1], [2.5, 97.5])
    rate = table[:, 0].sum() / table[:, 1].sum()
    return {"value": _short(rate), "low": _short(low), "high": _short(high)}


def start_errors(offsets_ms: Sequence[float]) -> dict[str, float]:
    """Return how far starts are off: the median, the 90th percentile, and the bias."""
    off = np.array(offsets_ms)
    return {
        "median_ms": _short(np.median(np.abs(off))),
        "p90_ms": _short(np.percentile(np.abs(off), 90)),
        "bias_ms": _short(np.median(off)),
        "words": len(off),
    }


def under_the_right_voice(told: Sequence[tuple[int | None, str]]) -> float:
    """Return the share of words with the right speaker, numbers matched to voices at their best."""
    numbers = sorted({number for number, _ in told if number is not None})
    names = sorted({name for _, name in told})
    table = np.zeros((len(numbers), len(names)))
    for number, name in told:
        if number is not None:
            table[numbers.index(number), names.index(name)] += 1
    return _matched(table) / len(told)


def _matched(table: NDArray[np.float64]) -> float:
    """Return the most that an assignment of rows to columns can hold."""
    if table.shape[0] > table.shape[1]:
        table = table.T
    rows, columns = table.shape
    if columns > _MAX_MATCHED:
        kept = np.argsort(-table.sum(axis=0))[:_MAX_MATCHED]
        table, columns = table[:, kept], _MAX_MATCHED
    return max(
        float(table[np.arange(rows), list(order)].sum())
        for order in itertools.permutations(range(columns), rows)
    )


def shares(values: Mapping[str, float]) -> dict[str, float]:
    """Return shares to three digits."""
    return {name: _short(value) for name, value in values.items()}


def _short(value: float) -> float:
    return round(float(value), 4)
