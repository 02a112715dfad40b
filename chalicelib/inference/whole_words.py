"""Words as tokens, one each, as small models on pictures have them: a `tokenizer.json` of the
`tokenizers` library whose model is WordLevel. It is read without that library, which does no more
with it than to look words up.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.inference.exported import Exported
from chalicelib.inference.vocabulary import listed

FILE = "tokenizer.json"
MARKS = frozenset({"<pad>", "</s>", "<unk>", "<s>", "<decode>", "<image>", "is", ";"})
"""Tokens of training that are no words of a text."""

_PIECE = re.compile(r"[^\W_]+(?:['-][^\W_]+)*|[^\w\s]")


@dataclass(frozen=True, slots=True)
class WholeWords:
    """Words with their numbers, marks left out."""

    numbers: Mapping[str, int]

    @classmethod
    def of(cls, exported: Exported) -> WholeWords:
        """Read the words of a model. Raises `ModelFailure`."""
        name = exported.signature.name
        try:
            model = json.loads(exported.file(FILE))["model"]
            kind, found = model["type"], {str(word): int(n) for word, n in model["vocab"].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelFailure(f"{FILE} of {name} is no tokenizer: {error!r}.") from error
        if kind != "WordLevel":
            raise ModelFailure(f"{FILE} of {name} is of {kind}; whole words (WordLevel) are read.")
        return cls({word: n for word, n in found.items() if word not in MARKS})

    def ids(self, text: str, field: str) -> list[int]:
        """Return a token for each word and mark of punctuation; case is left out.

        Raises:
            InvalidInput: some are not known; the message names them and some that are.
        """
        pieces = _PIECE.findall(text.lower())
        if unknown := [piece for piece in dict.fromkeys(pieces) if piece not in self.numbers]:
            raise InvalidInput(
                f"{field}: this model does not know {listed(map(repr, unknown))}; it knows"
                f" {listed(sorted(self.numbers))}.",
                field=field,
            )
        return [self.numbers[piece] for piece in pieces]

    def text(self, ids: Iterable[int]) -> str:
        """Return the words of tokens, marks left out."""
        words = {number: word for word, number in self.numbers.items()}
        return " ".join(words[each] for each in ids if each in words)
