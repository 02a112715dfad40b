"""The words that a small model knows, as whole numbers from 1 on; 0 fills up."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from chalicelib.errors import InvalidInput, ModelFailure

FILE = "vocabulary.json"

_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words with their numbers."""

    numbers: Mapping[str, int]

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Return the vocabulary in a file: a JSON object of words with numbers from 1 on.

        Raises:
            ModelFailure: the file has something else.
        """
        try:
            read = json.loads(content)
        except ValueError as error:
            raise ModelFailure(f"{FILE} is no JSON: {error}.") from error
        whole = isinstance(read, dict) and all(type(each) is int for each in read.values())
        if not whole or sorted(read.values()) != list(range(1, len(read) + 1)):
            raise ModelFailure(f"{FILE} has to be an object of words with the numbers 1, 2, 3….")
        return cls(read)

    def content(self) -> bytes:
        """Return the file; the same words make the same bytes."""
        return f"{json.dumps(self.numbers, ensure_ascii=False, indent=1)}\n".encode()

    def tokens(self, prompt: str, length: int, field: str = "prompt") -> NDArray[np.int64]:
        """Return the numbers of a prompt's words, [length], filled up with 0.

        Case and punctuation are left out. An empty prompt is all 0: no prompt.

        Raises:
            InvalidInput: words are not known, which the message names with some that are; or there
                are more than `length`.
        """
        words = _WORD.findall(prompt.lower())
        if unknown := [word for word in dict.fromkeys(words) if word not in self.numbers]:
            raise InvalidInput(
                f"{field}: this model does not know {listed(map(repr, unknown))}; the words that "
                f"it knows are {listed(self.numbers)}.",
                field=field,
            )
        if len(words) > length:
            raise InvalidInput(
                f"{field}: has {len(words)} words, and the model reads {length}; leave some out.",
                field=field,
                limit=str(length),
            )
        found = np.zeros(length, np.int64)
        found[: len(words)] = [self.numbers[word] for word in words]
        return found


def listed(words: Iterable[str]) -> str:
    """Return the first 20 words in a row, and how many more there are."""
    every = list(words)
    more = f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return ", ".join(every[:_SHOWN]) + more
