"""Whisper's tokens: pieces of text in bytes, marks of language and task, and times.

https://github.com/openai/whisper/blob/v20240930/whisper/tokenizer.py
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from chalicelib.errors import ModelFailure
from chalicelib.inference.tokenizers import SentenceTokenizer

TIME_STEP_MS = 20
"""Milliseconds between two tokens that are times."""
_UNSPACED = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
"""Languages that put no spaces between words."""
_OPENING = "\"'“¿([{-"
_CLOSING = "\"'.。,，!！?？:：”)]}、"  # noqa: RUF001 - the marks of other scripts are meant
_UNEXPECTED_END = "unexpected end of data"
"""Python's reason where a text of UTF-8 is cut off, and not wrong."""


def _byte_characters() -> dict[str, int]:
    """Return the byte that each character of a token stands for, as in GPT-2."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    characters = [*printable, *range(256, 256 + len(others))]
    return {chr(code): byte for code, byte in zip(characters, printable + others, strict=True)}


_BYTES = _byte_characters()


@dataclass(frozen=True, slots=True)
class TokenWord:
    """A word with the tokens that it consists of; `text` has the space before it."""

    text: str
    tokens: tuple[int, ...]


class WhisperTokens:
    """The tokens of a multilingual Whisper, from the tokenizer file of its package."""

    def __init__(self, path: Path) -> None:
        """Read the tokenizer at `path`. Raises `ModelFailure` if it is not Whisper's."""
        self._path = path
        try:
            written: dict[str, Any] = json.loads(path.read_bytes())
            marks = {each["content"]: each["id"] for each in written["added_tokens"]}
            vocabulary = written["model"]["vocab"]
            self.end = int(marks["<|endoftext|>"])
            self.start = int(marks["<|startoftranscript|>"])
            self.transcribe = int(marks["<|transcribe|>"])
            self.translate = int(marks["<|translate|>"])
            self.previous = int(marks["<|startofprev|>"])
            self.no_times = int(marks["<|notimestamps|>"])
        except (KeyError, TypeError, ValueError) as error:
            raise ModelFailure(f"{path.name} is no tokenizer of Whisper: {error}") from error
        self.no_speech = self.no_times - 1
        self.first_time = self.no_times + 1
        self.languages = {
            mark[2:-2]: number
            for mark, number in marks.items()
            if self.start < number < self.translate
        }
        self._pieces: dict[int, str] = {number: piece for piece, number in vocabulary.items()}

    @cached_property
    def _encoder(self) -> SentenceTokenizer:
        return SentenceTokenizer(self._path)

    def ids(self, text: str) -> list[int]:
        """Return the tokens of a text, without marks. Raises `InvalidInput` for bad Unicode."""
        return [number for number in self._encoder.ids(text) if number < self.end]

    def text(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens; marks and times are left out."""
        return self._bytes(tokens).decode("utf-8", "replace")

    def _bytes(self, tokens: Sequence[int]) -> bytes:
        pieces = "".join(self._pieces[token] for token in tokens if token < self.end)
        return bytes(_BYTES[character] for character in pieces)

    def words(self, tokens: Sequence[int], language: str) -> list[TokenWord]:
        """Return the words of a text's tokens in order, punctuation with the word it belongs to."""
        characters = self._characters(tokens)
        whole = characters if language in _UNSPACED else self._spaced(characters)
        return _with_punctuation(whole)

    def _characters(self, tokens: Sequence[int]) -> list[TokenWord]:
        """Return the least runs of tokens that are whole characters, or can become none."""
        found: list[TokenWord] = []
        run: list[int] = []
        for token in tokens:
            if run and _is_wrong(self._bytes([*run, token])):
                found.append(TokenWord(self.text(run), tuple(run)))
                run = []
            run.append(token)
            if not _is_cut_off(self._bytes(run)):
                found.append(TokenWord(self.text(run), tuple(run)))
                run = []
        if run:
            found.append(TokenWord(self.text(run), tuple(run)))
        return found

    def _spaced(self, runs: Sequence[TokenWord]) -> list[TokenWord]:
        """Join runs to words, each of which begins at a space."""
        words: list[TokenWord] = []
        for run in runs:
            if words and not run.text.startswith(" "):
                words[-1] = _joined(words[-1], run)
            else:
                words.append(run)
        return words


def _is_cut_off(text: bytes) -> bool:
    """Return whether `text` ends within a character of UTF-8, and is valid up to it."""
    return _fault(text) == _UNEXPECTED_END


def _is_wrong(text: bytes) -> bool:
    """Return whether no bytes behind `text` can make it valid UTF-8."""
    return _fault(text) not in ("", _UNEXPECTED_END)


def _fault(text: bytes) -> str:
    try:
        text.decode()
    except UnicodeDecodeError as error:
        return error.reason
    return ""


def _joined(first: TokenWord, second: TokenWord) -> TokenWord:
    return TokenWord(first.text + second.text, first.tokens + second.tokens)


def _with_punctuation(words: Sequence[TokenWord]) -> list[TokenWord]:
    """Join opening marks to the word after them, and closing marks to the word before."""
    found: list[TokenWord] = []
    opening: TokenWord | None = None
    for word in words:
        if opening is not None:
            word = _joined(opening, word)
            opening = None
        if word.text.startswith(" ") and word.text.strip() and word.text.strip() in _OPENING:
            opening = word
        elif found and word.text and word.text in _CLOSING:
            found[-1] = _joined(found[-1], word)
        else:
            found.append(word)
    return [*found, opening] if opening is not None else found
