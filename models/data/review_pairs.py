"""Reviews and preference pairs as a channel, to train policies and reward models.

    reviews-train.jsonl, reviews-test.jsonl   {"prompt": …, "completion": …}
    pairs-train.jsonl, pairs-test.jsonl       {"prompt": …, "chosen": …, "rejected": …}
    tokenizer.json                            whose first two tokens are <pad> and <end>

A row of tokens is `prompt completion <end>`, and then padding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from tokenizers import Tokenizer

from models.data import json_lines
from models.data.text import END, PAD, TOKENIZER, read_tokenizer, require_vocabulary_size
from models.failures import BadData

REVIEWS = ("reviews-train.jsonl", "reviews-test.jsonl")
PAIRS = ("pairs-train.jsonl", "pairs-test.jsonl")
UNKNOWN = "<unk>"
SPECIAL = ("<pad>", "<end>", UNKNOWN)
"""The first tokens of a tokenizer that has one for each word."""

Whole = NDArray[np.int64]
ReviewText = Annotated[str, Field(min_length=1, max_length=10_000)]


class Review(BaseModel):
    """A prompt and its completion."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: ReviewText
    completion: ReviewText


class Pair(BaseModel):
    """Two completions of a prompt, of which `chosen` is preferred."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: ReviewText
    chosen: ReviewText
    rejected: ReviewText

    @model_validator(mode="after")
    def _differs(self) -> Pair:
        if self.chosen == self.rejected:
            raise ValueError("chosen and rejected are the same")
        return self


@dataclass(frozen=True, slots=True)
class ReviewTokens:
    """Rows of tokens, [n, length], with the lengths of text and of prompt, [n] each."""

    ids: Whole
    sizes: Whole
    begun: Whole


class ReviewTokenizer:
    """A tokenizer and its file; `PAD` fills rows and `END` ends a text."""

    def __init__(self, tokenizer: Tokenizer, file: bytes) -> None:
        """Wrap a tokenizer and its file."""
        self.tokenizer = tokenizer
        self.file = file
        self._unknown = tokenizer.token_to_id(UNKNOWN)

    def encoded(self, text: str) -> list[int]:
        """Return the tokens of a text. Raises BadData for a word that has none."""
        found = self.tokenizer.encode(text, add_special_tokens=False)
        if self._unknown in found.ids:
            start, stop = found.offsets[found.ids.index(self._unknown)]
            raise BadData(f"{text[start:stop]!r} is not in {TOKENIZER}")
        ids: list[int] = found.ids
        return ids

    def text(self, ids: Sequence[int]) -> str:
        """Return the text of tokens, special tokens left out."""
        found: str = self.tokenizer.decode([int(each) for each in ids])
        return found


@dataclass(frozen=True, slots=True)
class Preferences:
    """A channel. The test parts are never trained on and have other prompts."""

    vocabulary: ReviewTokenizer
    train_reviews: Sequence[Review]
    test_reviews: Sequence[Review]
    train_pairs: Sequence[Pair]
    test_pairs: Sequence[Pair]

    def require(self, vocabulary: int) -> None:
        """Raise BadData unless the tokenizer has `vocabulary` tokens."""
        require_vocabulary_size(self.vocabulary.tokenizer, vocabulary)


def token_rows(
    vocabulary: ReviewTokenizer, texts: Sequence[tuple[str, str]], length: int
) -> ReviewTokens:
    """Return rows of prompts and completions, each ended by END.

    An empty completion gets no END: the row is a prompt to complete.

    Raises:
        BadData: a row is longer than `length`, or has a word without a token; the message names it.
    """
    ids = np.full((len(texts), length), PAD, np.int64)
    sizes, begun = np.zeros(len(texts), np.int64), np.zeros(len(texts), np.int64)
    for at, (prompt, completion) in enumerate(texts):
        try:
            start = vocabulary.encoded(prompt)
            row = [*start, *vocabulary.encoded(completion)]
        except BadData as error:
            raise BadData(f"Row {at + 1}, {prompt!r} {completion!r}: {error}.") from error
        if completion:
            row.append(END)
        if len(row) > length:
            raise BadData(
                f"Row {at + 1} has {len(row)} tokens and length is {length}: {prompt!r} "
                f"{completion!r:.80}. Leave it out, or set a greater length."
            )
        ids[at, : len(row)] = row
        sizes[at], begun[at] = len(row), len(start)
    return ReviewTokens(ids, sizes, begun)


def read(folder: Path) -> Preferences:
    """Read a channel.

    Raises:
        BadData: a file is missing or broken, or a row is; the message has the line and the field.
    """
    vocabulary = ReviewTokenizer(*read_tokenizer(folder))
    train_reviews, test_reviews = (json_lines.read_rows(folder / name, Review) for name in REVIEWS)
    train_pairs, test_pairs = (json_lines.read_rows(folder / name, Pair) for name in PAIRS)
    return Preferences(vocabulary, train_reviews, test_reviews, train_pairs, test_pairs)


def files(data: Preferences, _parameters: object) -> Mapping[str, bytes]:
    """Return the files that serve a model beside its graphs: the tokenizer."""
    return {TOKENIZER: data.vocabulary.file}
