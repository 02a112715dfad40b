"""Words as tokens: one each, which suits a channel that says little with few of them.

The first tokens mark: `PAD` fills, `END` ends, `UNKNOWN` stands for what was left out or never
seen, `BEGIN` is where an answer begins, `DECODE` where one is written word by word, `IMAGE` where a
picture stands. `IS` and `NEXT` join a picture to its answer, and that to the next.
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
    """Return how an attribute is asked for."""
    return f"which {attribute} ?"


class WordTokenizer:
    """A tokenizer of whole words. The same words make the same tokens."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Learn the words of texts, parted by spaces."""
        found = sorted({word for text in texts for word in text.split()} - set(SPECIAL))
        numbers = {word: at for at, word in enumerate((*SPECIAL, *found))}
        self._tokenizer = Tokenizer(models.WordLevel(numbers, unk_token=SPECIAL[UNKNOWN]))
        self._tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        self._tokenizer.decoder = decoders.WordPiece(prefix="", cleanup=False)
        self._tokenizer.add_special_tokens(list(SPECIAL[: IMAGE + 1]))

    @classmethod
    def of(cls, data: Questions, most: int) -> WordTokenizer:
        """Return the words that a channel trains on. Raises BadData for more than `most` tokens."""
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
        """Return the words of tokens up to the first END, marks left out."""
        kept = list(ids)
        if END in kept:
            kept = kept[: kept.index(END)]
        return " ".join(str(self._tokenizer.id_to_token(int(each))) for each in kept if each > NEXT)

    def written(self) -> bytes:
        """Return the file of the tokenizer."""
        text: str = self._tokenizer.to_str(pretty=True)
        return text.encode()

    def fingerprint(self) -> NDArray[np.uint8]:
        """Return the sha256 of the file, [32], by which two networks know that they speak alike."""
        return np.frombuffer(hashlib.sha256(self.written()).digest(), np.uint8).copy()
