"""A tokenizer with one token per word, for channels with a small vocabulary.

The first tokens are special: `PAD` fills, `END` ends, `UNKNOWN` replaces a word that was dropped or
never seen, `BEGIN` precedes an answer, `DECODE` an answer that is generated, `IMAGE` stands for a
picture. `IS` joins a picture to its answer, and `NEXT` that to the next picture.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from models.data.questions import Questions
from models.failures import BadData

SPECIAL = ("<pad>", "</s>", "<unk>", "<s>", "<decode>", "<image>", "is", ";")
PAD, END, UNKNOWN, BEGIN, DECODE, IMAGE, IS, NEXT = range(len(SPECIAL))

FILE = "tokenizer.json"


def question_text(attribute: str) -> str:
    """Return the question for an attribute."""
    return f"which {attribute} ?"


class WholeWordTokenizer:
    """A tokenizer of whole words. Equal words give equal tokens."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Learn the space-separated words of texts."""
        found = sorted({word for text in texts for word in text.split()} - set(SPECIAL))
        numbers = {word: at for at, word in enumerate((*SPECIAL, *found))}
        self._tokenizer = Tokenizer(models.WordLevel(numbers, unk_token=SPECIAL[UNKNOWN]))
        self._tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        self._tokenizer.decoder = decoders.WordPiece(prefix="", cleanup=False)
        self._tokenizer.add_special_tokens(list(SPECIAL[: IMAGE + 1]))

    @classmethod
    def of(cls, data: Questions, most: int) -> WholeWordTokenizer:
        """Learn the words of a channel. Raises BadData for more than `most` tokens."""
        texts = [each.caption for each in data.train.described]
        texts += [word for each in data.train.described for word in each.answers.values()]
        made = cls([*texts, *(question_text(attribute) for attribute in data.attributes)])
        if made.size > most:
            raise BadData(
                f"The channel has {made.size - len(SPECIAL)} words, which make {made.size} tokens, "
                f"and vocabulary is {most}; set vocabulary to {made.size} or more, in what it "
                "begins from as well."
            )
        return made

    @property
    def size(self) -> int:
        """Return how many tokens there are."""
        return int(self._tokenizer.get_vocab_size())

    def ids(self, text: str) -> list[int]:
        """Return a token for each word."""
        found: list[int] = self._tokenizer.encode(text).ids
        return found

    def text(self, ids: Sequence[int]) -> str:
        """Return the words of tokens up to the first END, special tokens left out."""
        kept = list(ids)
        if END in kept:
            kept = kept[: kept.index(END)]
        return " ".join(str(self._tokenizer.id_to_token(int(each))) for each in kept if each > NEXT)

    def written(self) -> bytes:
        """Return the tokenizer file, as JSON."""
        text: str = self._tokenizer.to_str(pretty=True)
        return text.encode()

    def fingerprint(self) -> NDArray[np.uint8]:
        """Return the sha256 of the file, [32 bytes], to compare two vocabularies."""
        return np.frombuffer(hashlib.sha256(self.written()).digest(), np.uint8).copy()
