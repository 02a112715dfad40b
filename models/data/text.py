"""Text as a channel: `tokens.npz` and its `tokenizer.json`, also for two domains.

`train` and `test` are tokens of texts one after another, each text followed by END; `test_bytes`
says how many bytes of UTF-8 the held-out texts have. Tokens are merged bytes, so that any text can
be written: R. Sennrich et al., https://arxiv.org/abs/1508.07909.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from models.failures import BadData
from models.files import disk_full_as_failure, write_atomically

FILE, TOKENIZER = "tokens.npz", "tokenizer.json"
PAD, END = 0, 1
"""The first two tokens of every tokenizer here: `PAD` fills, `END` parts and ends texts."""

_SPECIAL = ["<pad>", "<end>"]
_ARRAYS = ("train", "test", "test_bytes")

Tokens = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TextChannel:
    """A channel of text. `test` is never trained on."""

    train: Tokens
    test: Tokens
    test_bytes: int
    tokenizer: Tokenizer
    file: bytes
    """The tokenizer's file."""

    def require(self, vocabulary: int) -> None:
        """Raise BadData unless the tokenizer has `vocabulary` tokens."""
        require_vocabulary_size(self.tokenizer, vocabulary)


def require_vocabulary_size(tokenizer: Tokenizer, vocabulary: int) -> None:
    """Raise BadData unless a tokenizer has `vocabulary` tokens."""
    size = tokenizer.get_vocab_size()
    if size != vocabulary:
        raise BadData(
            f"{TOKENIZER} has {size} tokens, and the recipe is set to vocabulary {vocabulary}; "
            "change one or the other."
        )


def token_rows(tokens: Tokens, length: int) -> Tokens:
    """Return tokens as rows, [n, length]; an incomplete last row is left out.

    Raises:
        BadData: there is not one row.
    """
    count = len(tokens) // length
    if not count:
        raise BadData(
            f"{FILE} has a split of {len(tokens)} tokens, fewer than a row of {length}; give more "
            "text or a smaller context."
        )
    return tokens[: count * length].reshape(count, length)


VALIDATION_SHARE = 0.1


def validation(data: TextChannel) -> TextChannel:
    """Return a channel whose test is the last tenth of the training texts, and not the test's.

    Raises:
        BadData: the training part is one text, which cannot be split.
    """
    ends = np.flatnonzero(data.train == END)
    inner = ends[ends < len(data.train) * (1 - VALIDATION_SHARE)]
    if not len(inner):
        raise BadData(f"{FILE} has one text to train on, which cannot be split for a trial.")
    cut = int(inner[-1]) + 1
    held = data.train[cut:]
    size = len(data.tokenizer.decode(held.tolist()).encode())
    return TextChannel(data.train[:cut], held, size, data.tokenizer, data.file)


def learn_tokenizer(texts: Iterable[str], vocabulary: int) -> Tokenizer:
    """Learn a tokenizer of at most `vocabulary` tokens, 258 or more, from texts.

    Equal texts give equal tokenizers.
    """
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    learner = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=_SPECIAL,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    made.train_from_iterator(texts, learner)
    return made


def encode_texts(tokenizer: Tokenizer, texts: Sequence[str]) -> Tokens:
    """Return the tokens of texts, [n], each text followed by END."""
    found = tokenizer.encode_batch(list(texts), add_special_tokens=False)
    return np.fromiter((token for each in found for token in (*each.ids, END)), np.int64)


def write(folder: Path, tokenizer: Tokenizer, train: Sequence[str], test: Sequence[str]) -> Path:
    """Write a channel; equal texts give equal bytes. Raises DiskFull."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / TOKENIZER, tokenizer.to_str(pretty=True).encode())
    path = folder / FILE
    kind = np.min_scalar_type(tokenizer.get_vocab_size())
    with disk_full_as_failure(path):
        np.savez(
            path,
            train=encode_texts(tokenizer, train).astype(kind),
            test=encode_texts(tokenizer, test).astype(kind),
            test_bytes=np.array(sum(len(each.encode()) for each in test)),
        )
    return path


def read(folder: Path) -> TextChannel:
    """Read a channel.

    Raises:
        BadData: a file is missing or broken, or a token is none; the message names its place.
    """
    tokenizer, file = read_tokenizer(folder)
    path = folder / FILE
    if not path.is_file():
        raise BadData(f"The channel {folder} has no {FILE}; make it by `models.data.text.write`.")
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as archive:
            missing = [name for name in _ARRAYS if name not in archive.files]
            if missing:
                raise BadData(f"{path} lacks {', '.join(missing)}; it has {archive.files}.")
            found = {name: archive[name] for name in _ARRAYS}
    except (zipfile.BadZipFile, ValueError, OSError, EOFError) as error:
        raise BadData(f"{path} is no whole NPZ file: {error}") from error
    size = tokenizer.get_vocab_size()
    for name in ("train", "test"):
        _require_tokens(f"{path}, {name}", found[name], size)
    if found["test_bytes"].shape or found["test_bytes"].dtype.kind not in "iu":
        raise BadData(f"{path}, test_bytes has to be one whole number.")
    return TextChannel(
        found["train"].astype(np.int64),
        found["test"].astype(np.int64),
        int(found["test_bytes"]),
        tokenizer,
        file,
    )


def read_tokenizer(folder: Path) -> tuple[Tokenizer, bytes]:
    """Return a channel's tokenizer, and its file. Raises BadData."""
    path = folder / TOKENIZER
    try:
        file = path.read_bytes()
        made = Tokenizer.from_str(file.decode())
    except Exception as error:  # the library raises bare Exception for a bad file
        raise BadData(f"{path} is no tokenizer's file: {error}") from error
    wrong = [mark for place, mark in enumerate(_SPECIAL) if made.token_to_id(mark) != place]
    if wrong:
        raise BadData(f"{path} has to begin with the tokens {' and '.join(_SPECIAL)}.")
    return made, file


def _require_tokens(where: str, tokens: NDArray[np.generic], size: int) -> None:
    if tokens.ndim != 1 or tokens.dtype.kind not in "iu" or not len(tokens):
        raise BadData(
            f"{where} is {tokens.dtype} of {tokens.shape}, and has to be whole numbers, [n], one "
            "at least."
        )
    whole = tokens.astype(np.int64)
    broken = np.flatnonzero((whole < 0) | (whole >= size))
    if len(broken):
        place = int(broken[0])
        raise BadData(
            f"{where} has {len(broken)} tokens out of 0 to {size - 1}; the first is at {place}, "
            f"{int(whole[place])}."
        )


BEFORE = "before"


@dataclass(frozen=True, slots=True)
class TextDomains:
    """Text of a new domain, and of the domain that the model learned before."""

    new: TextChannel
    before: TextChannel


def read_domains(folder: Path) -> TextDomains:
    """Read a channel of two domains. Raises BadData if their tokenizers differ."""
    found = TextDomains(read(folder), read(folder / BEFORE))
    if found.new.file != found.before.file:
        raise BadData(
            f"{folder} and its {BEFORE} have not the same {TOKENIZER}: tokens of one would mean "
            "something else in the other. Write both by one."
        )
    return found
