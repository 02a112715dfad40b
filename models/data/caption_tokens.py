"""Tokenizers of captions and titles: byte-pair encoding learned from a channel.

Frequent words become one token each; unseen words are split into smaller tokens.
R. Sennrich et al., 2016, https://arxiv.org/abs/1508.07909, by the `tokenizers` library. The
tokenizer file pads and truncates by itself, so that every row has one length.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from models.data.captions import CaptionedImages

PAD, UNKNOWN, BEGIN, END = range(4)
SPECIAL = ("<pad>", "<unk>", "<s>", "</s>")


def learn_tokenizer(texts: Sequence[str], vocabulary: int, length: int) -> Tokenizer:
    """Return a tokenizer of `vocabulary` tokens at most, learned from texts.

    Case is dropped. Every text becomes `length` tokens, BEGIN and END among them. The same texts
    make the same tokenizer. Rare characters are unknown where the vocabulary has no room for them.
    """
    tokenizer = Tokenizer(models.BPE(unk_token=SPECIAL[UNKNOWN]))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    learner = trainers.BpeTrainer(
        vocab_size=vocabulary,
        limit_alphabet=vocabulary - len(SPECIAL),
        special_tokens=list(SPECIAL),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, learner)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{SPECIAL[BEGIN]} $A {SPECIAL[END]}",
        special_tokens=[(SPECIAL[BEGIN], BEGIN), (SPECIAL[END], END)],
    )
    tokenizer.enable_truncation(length)
    tokenizer.enable_padding(pad_id=PAD, pad_token=SPECIAL[PAD], length=length)
    return tokenizer


def caption_tokenizer(data: CaptionedImages, vocabulary: int, length: int) -> Tokenizer:
    """Return the tokenizer of the captions that a channel trains on."""
    texts = [text for row in data.captions["train"] for text in row]
    return learn_tokenizer(texts, vocabulary, length)


def encode_texts(tokenizer: Tokenizer, texts: Sequence[str]) -> NDArray[np.int64]:
    """Return tokens [n, length] of texts."""
    return np.array([each.ids for each in tokenizer.encode_batch(list(texts))], np.int64)


def tokenizer_file(tokenizer: Tokenizer) -> bytes:
    """Return the tokenizer file, as JSON."""
    text: str = tokenizer.to_str(pretty=True)
    return text.encode()
