"""The words that a small image model accepts in prompts, numbered from 1; 0 is padding."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from chalicelib.errors import InvalidInput, ModelFailure

VOCABULARY_FILE = "vocabulary.json"

_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_MAX_SHOWN = 20


@dataclass(frozen=True, slots=True)
class PromptVocabulary:
    """Words with their numbers."""

    numbers: Mapping[str, int]

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Return the vocabulary in a file: a JSON object of words with the numbers 1, 2, 3….

        Raises:
            ModelFailure: the file holds something else.
        """
        try:
            parsed = json.loads(content)
        except ValueError as error:
            raise ModelFailure(f"{VOCABULARY_FILE} is no JSON: {error}.") from error
        valid = isinstance(parsed, dict) and all(type(number) is int for number in parsed.values())
        if not valid or sorted(parsed.values()) != list(range(1, len(parsed) + 1)):
            raise ModelFailure(
                f"{VOCABULARY_FILE} has to be an object of words with the numbers 1, 2, 3…."
            )
        return cls(parsed)

    def content(self) -> bytes:
        """Return the content of the vocabulary's file; equal words give equal bytes."""
        return f"{json.dumps(self.numbers, ensure_ascii=False, indent=1)}\n".encode()

    @staticmethod
    def words(prompt: str) -> list[str]:
        """Return the words of a prompt, in lower case."""
        return _WORD.findall(prompt.lower())

    def tokens(self, prompt: str, length: int, field: str = "prompt") -> NDArray[np.int64]:
        """Return the numbers of a prompt's words, [length], padded with 0.

        Case and punctuation are ignored. An empty prompt is all 0.

        Raises:
            InvalidInput: there are more than `length` words, or unknown ones, which the message
                names with some that are known.
        """
        words = self.words(prompt)
        if unknown := [word for word in dict.fromkeys(words) if word not in self.numbers]:
            raise InvalidInput(
                f"{field}: this model does not know {shortened_list(map(repr, unknown))}; the words"
                f" that it knows are {shortened_list(self.numbers)}.",
                field=field,
            )
        if len(words) > length:
            raise InvalidInput(
                f"{field}: has {len(words)} words, and the model reads {length}; leave some out.",
                field=field,
                limit=str(length),
            )
        tokens = np.zeros(length, np.int64)
        tokens[: len(words)] = [self.numbers[word] for word in words]
        return tokens


def shortened_list(words: Iterable[str]) -> str:
    """Return the first 20 words, separated by commas, and how many more there are."""
    all_words = list(words)
    rest = f" and {len(all_words) - _MAX_SHOWN} more" if len(all_words) > _MAX_SHOWN else ""
    return ", ".join(all_words[:_MAX_SHOWN]) + rest
