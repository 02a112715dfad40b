"""Instructions with their answers as a channel, to fine-tune a language model.

    train.jsonl, test.jsonl   {"prompt": …, "completion": …}
    tokenizer.json            the tokenizer of the model that is tuned

A row of tokens is prompt, completion, END, and then PAD.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from tokenizers import Tokenizer

from models.data import json_lines
from models.data.text import END, PAD, TOKENIZER, Tokens, read_tokenizer, require_vocabulary_size
from models.failures import BadData
from models.files import write_atomically

TRAIN, TEST = "train.jsonl", "test.jsonl"

InstructionText = Annotated[str, Field(min_length=1, max_length=10_000)]


class Instruction(BaseModel):
    """A task and its one right answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: InstructionText
    completion: InstructionText


@dataclass(frozen=True, slots=True)
class EncodedInstructions:
    """Rows of tokens, [n, length], and a mask of their answers, END included."""

    tokens: Tokens
    answers: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Instructions:
    """A channel of tasks. `test` is never trained on."""

    train: tuple[Instruction, ...]
    test: tuple[Instruction, ...]
    tokenizer: Tokenizer
    file: bytes
    """The tokenizer's file."""

    def require(self, vocabulary: int) -> None:
        """Raise BadData unless the tokenizer has `vocabulary` tokens."""
        require_vocabulary_size(self.tokenizer, vocabulary)

    def encoded(self, context: int) -> EncodedInstructions:
        """Return the training rows. Raises BadData if one is longer than `context`."""
        parts = [
            (self.tokenizer.encode(each.prompt).ids, self.tokenizer.encode(each.completion).ids)
            for each in self.train
        ]
        sizes = [len(prompt) + len(answer) + 1 for prompt, answer in parts]
        longest = max(sizes)
        if longest > context:
            raise BadData(
                f"{TRAIN}, row {sizes.index(longest) + 1} has {longest} tokens, and the model's "
                f"context is {context}; shorten it or leave it out."
            )
        tokens = np.full((len(parts), longest), PAD, np.int64)
        answers = np.zeros(tokens.shape, bool)
        for row, (prompt, answer) in enumerate(parts):
            tokens[row, : sizes[row]] = [*prompt, *answer, END]
            answers[row, len(prompt) : sizes[row]] = True
        return EncodedInstructions(tokens, answers)


def write(
    folder: Path, tokenizer: Tokenizer, train: Sequence[Instruction], test: Sequence[Instruction]
) -> Path:
    """Write a channel; equal tasks give equal bytes. Raises DiskFull."""
    write_atomically(folder / TOKENIZER, tokenizer.to_str(pretty=True).encode())
    for name, some in ((TEST, test), (TRAIN, train)):
        lines = "".join(f"{each.model_dump_json()}\n" for each in some)
        write_atomically(folder / name, lines.encode())
    return folder / TRAIN


def read(folder: Path) -> Instructions:
    """Read a channel.

    Raises:
        BadData: a file is missing or broken, or a row is; the message names the line and the field.
    """
    tokenizer, file = read_tokenizer(folder)
    train, test = (
        tuple(json_lines.read_rows(folder / name, Instruction)) for name in (TRAIN, TEST)
    )
    return Instructions(train, test, tokenizer, file)
