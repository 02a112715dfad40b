"""Texts as tokens of a base model's tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from tokenizers import Encoding, Tokenizer

from models.data.text import TOKENIZER
from models.failures import BadData


@dataclass(frozen=True, slots=True)
class TextEncoder:
    """The tokenizer of a base; texts are cut to `max_tokens`, special tokens included."""

    tokenizer: Tokenizer
    pad: int
    max_tokens: int

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        """Return the encodings of texts, with the offsets of their tokens."""
        found: list[Encoding] = self.tokenizer.encode_batch(list(texts))
        return found

    def rows(self, texts: Sequence[str]) -> TokenRows:
        """Return the tokens of texts."""
        return TokenRows([each.ids for each in self.encode(texts)], self.pad)


def cut_notices(
    reader: TextEncoder, texts: Sequence[str], setting: str = "max_tokens"
) -> list[str]:
    """Return what to tell of texts that are longer than a model reads; empty if none is."""
    cut = sum(bool(each.overflowing) for each in reader.encode(texts))
    if not cut:
        return []
    told = f"{cut} of {len(texts)} texts have more than {reader.max_tokens} tokens"
    return [f"{told}; what is beyond is not read. --set {setting}=… reads more."]


def read_text_encoder(folder: Path, vocabulary: int, pad: int, max_tokens: int) -> TextEncoder:
    """Read the tokenizer in the folder of a base whose table has `vocabulary` tokens.

    Raises:
        BadData: there is none, it cannot be read, or it has more tokens than the base.
    """
    path = folder / TOKENIZER
    try:
        found = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises plain Exception for a bad file
        raise BadData(f"{path} is no tokenizer: {error}") from error
    if found.get_vocab_size(with_added_tokens=True) > vocabulary:
        raise BadData(
            f"{path} has {found.get_vocab_size(with_added_tokens=True)} tokens, and the base knows "
            f"{vocabulary}: it is not the tokenizer of this base. Fetch the base again."
        )
    found.no_padding()
    found.enable_truncation(max_tokens)
    found.encode_special_tokens = True  # a text that names [SEP] has no such token
    return TextEncoder(found, pad, max_tokens)


class TokenRows:
    """Texts as rows of token ids."""

    def __init__(self, ids: Sequence[Sequence[int]], pad: int) -> None:
        """Hold rows, which are padded with `pad` where they are put side by side."""
        self.ids = ids
        self.pad = pad
        self.sizes = [len(row) for row in ids]

    def __len__(self) -> int:
        return len(self.ids)

    def padded(self, chosen: Sequence[int], width: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
        """Return ids and mask of the chosen rows, [n, width]; the longest's width unless given."""
        wide = width or max(self.sizes[row] for row in chosen)
        ids = torch.full((len(chosen), wide), self.pad)
        mask = torch.zeros((len(chosen), wide), dtype=torch.long)
        for at, row in enumerate(chosen):
            size = min(self.sizes[row], wide)
            ids[at, :size] = torch.tensor(self.ids[row][:size])
            mask[at, :size] = 1
        return ids, mask

    @cached_property
    def tensors(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return ids and mask of all rows."""
        return self.padded(range(len(self)))
