"""Documents as blocks of tokens of one length, as pre-training reads them.

Documents follow one another, each with the token that ends a text, and are cut into blocks of equal
length. The last token of a block is the first of the next, so that every token but the very first
is predicted exactly once: none is cut away or left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from chalicelib.inference.tokenizers import TextTokenizer
from models.training import seeds
from models.training.process_group import ProcessGroup
from models.training.settings import RecipeSettings
from models.training.supervised_task import Batches

TokenIds = NDArray[np.int32]

_AT_ONCE = 256
"""Texts that are encoded together: the library's own objects take a hundred bytes a token."""
_STREAM = 1_000_037


@dataclass(frozen=True, slots=True)
class TextStretch:
    """Tokens of a document that are judged, and the bytes of UTF-8 after the first of them."""

    ids: tuple[int, ...]
    size: int


class DocumentEncoder:
    """Encodes documents as prompts are when the model serves: special tokens are plain text."""

    def __init__(self, tokenizer: bytes) -> None:
        """Use the tokenizer of a file."""
        self._tokenizer = Tokenizer.from_str(tokenizer.decode())
        TextTokenizer(self._tokenizer)

    def encode(self, texts: Sequence[str]) -> list[TokenIds]:
        """Return the tokens of each text."""
        found: list[TokenIds] = []
        for first in range(0, len(texts), _AT_ONCE):
            some = list(texts[first : first + _AT_ONCE])
            encoded = self._tokenizer.encode_batch(some, add_special_tokens=False)
            found += [np.array(each.ids, np.int32) for each in encoded]
        return found

    def stretch(self, text: str, length: int, chance: np.random.Generator) -> TextStretch | None:
        """Return the tokens of a text that are judged, or None for a text of a single token.

        Of a text of more than `length` tokens it is a stretch that is drawn, as long as that.
        """
        encoded = self._tokenizer.encode(text, add_special_tokens=False)
        last = len(encoded.ids)
        first = int(chance.integers(last - length + 1)) if last > length else 0
        last = min(last, first + length)
        if last - first < 2:
            return None
        offsets = encoded.offsets
        size = len(text[offsets[first][1] : offsets[last - 1][1]].encode())
        return TextStretch(tuple(encoded.ids[first:last]), size) if size else None


@dataclass(frozen=True, slots=True)
class TextBlocks:
    """Blocks of a stream of documents.

    `tokens` is [n, length + 1], and `weights` [n, length] is 0 where the last block is filled up.
    `spans` are the first and last block of each document.
    """

    tokens: torch.Tensor
    weights: torch.Tensor
    spans: tuple[tuple[int, int], ...]

    @property
    def predicted(self) -> int:
        """Return how many tokens are predicted: all but the very first."""
        return int(self.weights.sum())


def pack_documents(documents: Sequence[TokenIds], length: int, end: int) -> TextBlocks:
    """Return documents in their order as blocks that predict `length` tokens each.

    `end` is the token that ends a text. It follows each document, and fills the last block.
    """
    spans, size = [], 0
    for each in documents:
        first, size = size, size + len(each) + 1
        spans.append((max(0, first - 1) // length, max(0, size - 2) // length))
    count = max(1, -(-(size - 1) // length))
    stream = torch.full((count * length + 1,), end)
    at = 0
    for each in documents:
        stream[at : at + len(each)] = torch.from_numpy(each)
        at += len(each) + 1
    weights = torch.ones(count * length)
    weights[size - 1 :] = 0
    return TextBlocks(
        stream.unfold(0, length + 1, length).contiguous(),
        weights.view(count, length),
        tuple(spans),
    )


def document_order(count: int, seed: int) -> list[int]:
    """Return an order of documents by a seed: a file may be sorted by subject or by source."""
    found: list[int] = torch.randperm(count, generator=seeds.generator(seed, _STREAM)).tolist()
    return found


def learned_documents(blocks: TextBlocks, settings: RecipeSettings) -> list[int]:
    """Return the numbers of the documents whose tokens are all in blocks that steps learn."""
    count = len(blocks.tokens)
    batches = Batches([torch.arange(count)], settings, ProcessGroup())
    seen: set[int] = set()
    for number in range(1, settings.steps + 1):
        seen.update(batches.at(number)[0].tolist())
        if len(seen) == count:
            break
    return [
        at
        for at, (first, last) in enumerate(blocks.spans)
        if seen.issuperset(range(first, last + 1))
    ]
