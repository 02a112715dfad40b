"""The Jargon File as a second domain, for continued pre-training of a language model.

The Jargon File 4.4.7, 29 December 2003, public domain, http://catb.org/jargon. The channel has it
in the tokens of glosses, and glosses below `before`, to rehearse them and to measure forgetting.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from pathlib import Path

from models.data import text
from models.data.packages import DebianPackage, read_debian_file
from models.datasets import glosses

PACKAGE = DebianPackage(
    "dict-jargon", "4.4.7-3.1", "405f8168d7994ed2cb71407bb95493daec2e9aa66fc0461dafa74a9d6728a8c1"
)
MEMBER = "usr/share/dictd/jargon.dict.dz"
REPEATED = 16_000
"""Glosses that may be repeated."""

_HELD_OUT = 12
_ABOUT = ("00-database", "The original data")
_SOUND = re.compile(r"^\s*(?:/[^/\n]*/,?)?\s*(?:[a-z]{1,6}\.,?\s*(?:,|/)?\s*)*")
_LINK = re.compile(r"\{([^{}]*)\}")


def prepare(into: Path) -> Path:
    """Write the channel and return its file. Equal bytes each time. Raises BadData, DiskFull."""
    train, test = entries()
    trained, held_out = glosses.split(glosses.glosses())
    tokenizer = glosses.learned(trained)
    text.write(into / text.BEFORE, tokenizer, trained[:REPEATED], held_out)
    return text.write(into, tokenizer, train, test)


def entries() -> tuple[list[str], list[str]]:
    """Return training and test entries, each as `word: text`. Raises BadData."""
    written = gzip.decompress(read_debian_file(PACKAGE, MEMBER)).decode("utf-8")
    train: list[str] = []
    test: list[str] = []
    for entry in re.split(r"\n(?=\S)", written):
        word, _, rest = entry.partition("\n")
        text = " ".join(_LINK.sub(r"\1", _SOUND.sub("", rest)).split())
        if word.startswith(_ABOUT) or not text:
            continue
        number = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4])
        (train if number % _HELD_OUT else test).append(f"{word.strip()}: {text}")
    return train, test
