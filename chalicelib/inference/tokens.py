"""Text as the tokens that a model sees, which is how its limits are counted."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib.errors import InvalidInput, ModelFailure

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer


def hold_to_unicode(text: str, field: str) -> None:
    """Raise `InvalidInput` of the `field` where `text` has half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"{field}: character {error.start} is half of a surrogate pair.", field=field
        ) from error


class Tokens:
    """A tokenizer file, read at first use. Counts include the two special tokens, as limits do."""

    def __init__(self, path: Path) -> None:
        """Use the tokenizer at `path`, without the padding and truncation it may ask for."""
        self._path = path

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer

        try:
            tokenizer = Tokenizer.from_file(str(self._path))
        except Exception as error:  # the library raises bare Exception for a bad file
            raise ModelFailure(f"The tokenizer {self._path.name} is unusable: {error}") from error
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    def ids(self, text: str) -> list[int]:
        """Return the token ids of `text`. Raises `InvalidInput` if it is not Unicode text."""
        return list(self._encoded(text).ids)

    def count(self, text: str) -> int:
        """Return how many tokens `text` takes."""
        return len(self._encoded(text).ids)

    def spans(self, text: str) -> Sequence[tuple[int, int]]:
        """Return where each token of `text` starts and ends, in characters, special ones left out.

        With these a text can be cut to a number of tokens without counting each piece again.
        """
        encoded = self._encoded(text)
        marks = zip(encoded.offsets, encoded.special_tokens_mask, strict=True)
        return [span for span, special in marks if not special]

    def _encoded(self, text: str) -> Encoding:
        hold_to_unicode(text, "text")
        return self._tokenizer.encode(text)
