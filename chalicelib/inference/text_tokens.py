"""Texts as tokens, by the tokenizer that an exported language model brings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.inference.exported import Exported
from chalicelib.inference.tokens import hold_to_unicode
from chalicelib.inference.vocabulary import listed

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FILE = "tokenizer.json"
_UNKNOWN = "<unk>"
_FEW = 100


class TextTokens:
    """A tokenizer without the cutting and filling that it may do by itself. What a caller writes is
    never read as a token that only marks the edges of texts.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        tokenizer.encode_special_tokens = True
        self._tokenizer = tokenizer
        added = tokenizer.get_added_tokens_decoder()
        marks = {number for number, token in added.items() if token.special}
        unknown = tokenizer.token_to_id(_UNKNOWN)
        self._marks = marks if unknown is None else marks | {unknown}

    @classmethod
    def of(cls, exported: Exported) -> TextTokens:
        """Read the tokenizer of a model. Raises `ModelFailure`."""
        from tokenizers import Tokenizer

        content = exported.file(FILE)
        try:
            return cls(Tokenizer.from_str(content.decode()))
        except Exception as error:  # the library raises bare Exception for a bad file
            raise ModelFailure(
                f"{FILE} of {exported.signature.name} is no tokenizer: {error}"
            ) from error

    def ids(self, text: str, field: str) -> list[int]:
        """Return the tokens of `text`.

        Raises:
            InvalidInput: it is no Unicode text, or has words that the model does not know; the
                message names them, and those that are known where they are few.
        """
        hold_to_unicode(text, field)
        found = self._tokenizer.encode(text, add_special_tokens=False)
        unknown = [
            text[start:end]
            for token, (start, end) in zip(found.ids, found.offsets, strict=True)
            if token in self._marks
        ]
        if unknown:
            raise InvalidInput(f"{field}: {self._told(unknown)}", field=field)
        return list(found.ids)

    def text(self, ids: Sequence[int]) -> str:
        """Return the text of tokens, without those that only mark its edges."""
        return str(self._tokenizer.decode(list(ids)))

    def _told(self, unknown: Sequence[str]) -> str:
        known = self._tokenizer.get_vocab().items()
        words = sorted(word for word, number in known if number not in self._marks)
        told = listed(map(repr, dict.fromkeys(unknown)))
        few = f"; it knows {' '.join(words)}" if len(words) <= _FEW else ""
        return f"this model does not know {told}{few}."
