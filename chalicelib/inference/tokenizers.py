"""Tokenizers of pulled sentence models, of exported language models, and of whole words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.inference.vocabulary import shortened_list

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

    from chalicelib.inference.exported_model import ExportedModel

TOKENIZER_FILE = "tokenizer.json"
MARKS = frozenset({"<pad>", "</s>", "<unk>", "<s>", "<decode>", "<image>", "is", ";"})
"""Tokens that training uses and that are not words of a text."""

_UNKNOWN = "<unk>"
_MAX_LISTED_WORDS = 100
_WORD_OR_MARK = re.compile(r"[^\W_]+(?:['-][^\W_]+)*|[^\w\s]")


def check_unicode(text: str, field: str) -> None:
    """Raise `InvalidInput`, naming `field`, if `text` has half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"{field}: character {error.start} is half of a surrogate pair.", field=field
        ) from error


class SentenceTokenizer:
    """The tokenizer file of a sentence model, read at first use.

    Counts include the two special tokens, as the limits of models do. The truncation and padding
    that the file may ask for are switched off.
    """

    def __init__(self, path: Path) -> None:
        """Use the tokenizer file at `path`."""
        self._path = path

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer

        try:
            tokenizer = Tokenizer.from_file(str(self._path))
        except Exception as error:  # the library raises plain Exception for a bad file
            raise ModelFailure(f"The tokenizer {self._path.name} is unusable: {error}") from error
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    def ids(self, text: str) -> list[int]:
        """Return the token ids of `text`. Raises `InvalidInput` for invalid Unicode."""
        return list(self._encode(text).ids)

    def count(self, text: str) -> int:
        """Return the number of tokens of `text`."""
        return len(self._encode(text).ids)

    def spans(self, text: str) -> Sequence[tuple[int, int]]:
        """Return start and end of each token in characters, special tokens left out.

        With them a text can be cut to a number of tokens without counting each piece again.
        """
        encoding = self._encode(text)
        marked = zip(encoding.offsets, encoding.special_tokens_mask, strict=True)
        return [span for span, special in marked if not special]

    def _encode(self, text: str) -> Encoding:
        check_unicode(text, "text")
        return self._tokenizer.encode(text)


def read_tokenizer(exported: ExportedModel) -> Tokenizer:
    """Read the tokenizer of an exported model. Raises `ModelFailure`."""
    from tokenizers import Tokenizer

    content = exported.file(TOKENIZER_FILE)
    try:
        return Tokenizer.from_str(content.decode())
    except Exception as error:  # the library raises plain Exception for a bad file
        raise ModelFailure(
            f"{TOKENIZER_FILE} of {exported.signature.name} is no tokenizer: {error}"
        ) from error


class TunedSentenceTokenizer(SentenceTokenizer):
    """The tokenizer of an exported encoder, by which it was tuned.

    A text that names a special token, such as [SEP], has no such token, as in training.
    """

    def __init__(self, exported: ExportedModel) -> None:
        """Read the tokenizer of a model. Raises `ModelFailure`."""
        tokenizer = read_tokenizer(exported)
        tokenizer.no_truncation()
        tokenizer.no_padding()
        tokenizer.encode_special_tokens = True
        self._read = tokenizer

    @property
    def _tokenizer(self) -> Tokenizer:
        return self._read


@dataclass(frozen=True, slots=True)
class ClipTokens:
    """Prompts as a diffusion model's CLIP reads them: a beginning, an end, and padding.

    The tokenizer's file says how it pads.
    """

    tokenizer: Tokenizer

    def tokens(self, prompt: str, length: int, field: str = "prompt") -> NDArray[np.int64]:
        """Return the tokens of a prompt, [length].

        Raises:
            InvalidInput: it is invalid Unicode, or longer.
        """
        check_unicode(prompt, field)
        found = self.tokenizer.encode(prompt).ids
        if len(found) > length:
            raise InvalidInput(
                f"{field}: has {sum(self.tokenizer.encode(prompt).attention_mask)} tokens, and the "
                f"model reads {length}; leave some words out.",
                field=field,
                limit=str(length),
            )
        if len(found) < length:
            raise ModelFailure(f"{TOKENIZER_FILE} does not pad prompts to {length} tokens.")
        return np.array(found, np.int64)


class TextTokenizer:
    """The tokenizer of an exported language model.

    Truncation and padding are switched off. A caller's text is never read as a special token:
    special tokens only mark the edges of texts.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Configure `tokenizer` for that and use it."""
        tokenizer.no_truncation()
        tokenizer.no_padding()
        tokenizer.encode_special_tokens = True
        self._tokenizer = tokenizer
        added = tokenizer.get_added_tokens_decoder()
        special = {number for number, token in added.items() if token.special}
        unknown = tokenizer.token_to_id(_UNKNOWN)
        self._special = special if unknown is None else special | {unknown}

    @classmethod
    def of(cls, exported: ExportedModel) -> TextTokenizer:
        """Read the tokenizer of a model. Raises `ModelFailure`."""
        return cls(read_tokenizer(exported))

    def ids(self, text: str, field: str) -> list[int]:
        """Return the token ids of `text`.

        Raises:
            InvalidInput: it is invalid Unicode, or has words that the model does not know. The
                message names them, and the known words if they are few.
        """
        check_unicode(text, field)
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        unknown = [
            text[start:end]
            for token, (start, end) in zip(encoding.ids, encoding.offsets, strict=True)
            if token in self._special
        ]
        if unknown:
            raise InvalidInput(f"{field}: {self._unknown_words(unknown)}", field=field)
        return list(encoding.ids)

    def text(self, ids: Sequence[int]) -> str:
        """Return the text of token ids, without special tokens."""
        return str(self._tokenizer.decode(list(ids)))

    def _unknown_words(self, unknown: Sequence[str]) -> str:
        vocabulary = self._tokenizer.get_vocab().items()
        known = sorted(word for word, number in vocabulary if number not in self._special)
        names = shortened_list(map(repr, dict.fromkeys(unknown)))
        hint = f"; it knows {' '.join(known)}" if len(known) <= _MAX_LISTED_WORDS else ""
        return f"this model does not know {names}{hint}."


@dataclass(frozen=True, slots=True)
class WordTokenizer:
    """A tokenizer whose tokens are whole words, as small models of images have it.

    Its file is a `tokenizer.json` of the `tokenizers` library whose model is WordLevel. It is read
    without that library, which would only look words up. `numbers` are the words' token ids,
    without special tokens.
    """

    numbers: Mapping[str, int]

    @classmethod
    def of(cls, exported: ExportedModel) -> WordTokenizer:
        """Read the words of a model. Raises `ModelFailure`."""
        name = exported.signature.name
        try:
            model = json.loads(exported.file(TOKENIZER_FILE))["model"]
            kind = model["type"]
            vocabulary = {str(word): int(number) for word, number in model["vocab"].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelFailure(f"{TOKENIZER_FILE} of {name} is no tokenizer: {error!r}.") from error
        if kind != "WordLevel":
            raise ModelFailure(
                f"{TOKENIZER_FILE} of {name} is of {kind}; whole words (WordLevel) are read."
            )
        return cls({word: number for word, number in vocabulary.items() if word not in MARKS})

    def ids(self, text: str, field: str) -> list[int]:
        """Return the id of each word and punctuation mark, in lower case.

        Raises:
            InvalidInput: some words are unknown; the message names them and some known ones.
        """
        pieces = _WORD_OR_MARK.findall(text.lower())
        if unknown := [piece for piece in dict.fromkeys(pieces) if piece not in self.numbers]:
            raise InvalidInput(
                f"{field}: this model does not know {shortened_list(map(repr, unknown))}; it knows"
                f" {shortened_list(sorted(self.numbers))}.",
                field=field,
            )
        return [self.numbers[piece] for piece in pieces]

    def text(self, ids: Iterable[int]) -> str:
        """Return the words of token ids, without special tokens."""
        words = {number: word for word, number in self.numbers.items()}
        return " ".join(words[token_id] for token_id in ids if token_id in words)
