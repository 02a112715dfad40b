"""Glosses of WordNet 3.0 as English text: about 42,000, of a quarter of its words.

G. A. Miller, WordNet: a lexical database for English, https://doi.org/10.1145/219717.219748;
WordNet 3.0 License. Debian's dict-wn tells each sense under every one of its words:

    n 1: a person trained to compete in sports [syn: {athlete}, {jock}]
"""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from tokenizers import Tokenizer

from models.data import text
from models.data.packages import DebianPackage, read_debian_file

PACKAGE = DebianPackage(
    "dict-wn", "1:3.0-39", "bb4f2b19b6130443c432ccb3eb44d4888d440aae6f8b5ac5d196c13ae66207b2"
)
MEMBER = "usr/share/dictd/wn.dict.dz"
VOCABULARY = 2048
HELD_OUT = 32
"""One text in so many judges and is not trained on."""

_ONE_IN = 4
_LEARNED_FROM = 4
_ABOUT = "00-database"
_SENSE = re.compile(r"^\s+(?:(?:n|v|adj|adv) )?\d+: ", re.M)
_BRACKETS = re.compile(r"\s*\[(?:syn|ant|also): [^\]]*\]")


def prepare(into: Path) -> Path:
    """Write the channel and return its file. Equal bytes each time. Raises BadData, DiskFull."""
    train, test = split(glosses())
    return text.write(into, learned(train), train, test)


def tokenizer() -> Tokenizer:
    """Return the tokenizer of this channel, for channels of models that build on it."""
    return learned(split(glosses())[0])


def learned(train: Sequence[str]) -> Tokenizer:
    """Learn the tokenizer from a quarter of the training texts."""
    return text.learn_tokenizer(train[::_LEARNED_FROM], VOCABULARY)


def split(texts: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return training and test texts; the hash of a text alone decides its split."""
    train: list[str] = []
    test: list[str] = []
    for each in texts:
        number = int.from_bytes(hashlib.sha256(each.encode()).digest()[:4])
        (train if number % HELD_OUT else test).append(each)
    return train, test


def glosses() -> list[str]:
    """Return each meaning once as `word: meaning`, ordered by hashes. Raises BadData."""
    written = gzip.decompress(read_debian_file(PACKAGE, MEMBER)).decode("utf-8")
    found: dict[str, str] = {}
    for word, told in senses(written, _ONE_IN):
        found.setdefault(told, f"{word}: {told}")
    return sorted(found.values(), key=lambda each: hashlib.sha256(each.encode()).digest())


def senses(written: str, one_in: int) -> Iterator[tuple[str, str]]:
    """Yield the glosses and examples of one word in `one_in` of a dictionary."""
    for article in re.split(r"\n(?=\S)", written):
        word, _, rest = article.partition("\n")
        if word.startswith(_ABOUT) or zlib.crc32(word.encode()) % one_in:
            continue
        marks = list(_SENSE.finditer(rest))
        ends = [*(mark.start() for mark in marks), len(rest)][1:]
        for mark, end in zip(marks, ends, strict=True):
            told = " ".join(rest[mark.end() : end].split())
            yield word.strip(), _BRACKETS.sub("", re.sub(r"(?<=[a-z])- (?=[a-z])", "-", told))
