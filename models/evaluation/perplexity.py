"""Perplexity of held-out text: rows, bits per byte, unigram and bigram baselines."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from models.data import text
from models.data.text import Tokens

Numbers = NDArray[np.float64]


def held_out_rows(tokens: Tokens, length: int, most: int) -> Tokens:
    """Return rows of held-out tokens, [n, length]: at most `most` tokens, or one row.

    Rows of another length are not as many, so that nobody pairs them with these. Raises BadData.
    """
    return text.token_rows(tokens, length)[: max(1, most // length)]


def unigram_surprise(trained: Tokens, rows: Tokens, vocabulary: int) -> Numbers:
    """Return the mean surprise of each row under a unigram model of the training tokens."""
    shares = _token_shares(trained, vocabulary)
    return np.asarray(-np.log(shares[rows[:, 1:]]).mean(axis=1))


def bigram_surprise(trained: Tokens, rows: Tokens, vocabulary: int) -> Numbers:
    """Return the mean surprise of each row under a bigram model of the training tokens.

    Witten and Bell's interpolation with the single tokens: what a pair is trusted grows with the
    number of times that its first token was seen, against the number of tokens that followed it.
    https://doi.org/10.1109/18.87000
    """
    pairs, counts = np.unique(trained[:-1] * vocabulary + trained[1:], return_counts=True)
    firsts = pairs // vocabulary
    seen = np.bincount(firsts, counts, vocabulary)
    kinds = np.bincount(firsts, minlength=vocabulary)
    asked = rows[:, :-1] * vocabulary + rows[:, 1:]
    place = np.minimum(np.searchsorted(pairs, asked), len(pairs) - 1)
    met = np.where(pairs[place] == asked, counts[place], 0)
    before = rows[:, :-1]
    whole = seen[before] + kinds[before]
    single = _token_shares(trained, vocabulary)[rows[:, 1:]]
    found = np.where(whole > 0, (met + kinds[before] * single) / np.maximum(whole, 1), single)
    return np.asarray(-np.log(found).mean(axis=1))


def _token_shares(trained: Tokens, vocabulary: int) -> Numbers:
    """Return the share of each token, with one added to each count."""
    counts = np.bincount(trained, minlength=vocabulary) + 1.0
    return np.asarray(counts / counts.sum())


def perplexity(nats: float) -> float:
    """Return the perplexity of a token for `nats` per token; infinite above some 709.

    A network that diverged may be there: the metric is then not finite, and is refused as such.
    """
    try:
        return math.exp(nats)
    except OverflowError:
        return math.inf


def bits_per_byte(nats: float, tokens: int, size: int) -> float:
    """Return bits per byte for `nats` per token, comparable between tokenizers."""
    return nats / math.log(2) * tokens / size
