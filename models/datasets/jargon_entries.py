"""Entries of the Jargon File as documents, for continued pre-training of a base decoder.

The Jargon File 4.4.7, 29 December 2003, public domain, http://catb.org/jargon. An entry is held out
by the hash of its headword.
"""

from __future__ import annotations

from pathlib import Path

from models.datasets import jargon
from models.training_data.channel import MANIFEST, DataSource, write_channel
from models.training_data.rows import TextExample

_SOURCE = DataSource(
    source="The Jargon File 4.4.7, http://catb.org/jargon, Debian's dict-jargon",
    licence="public domain",
    split="a twelfth by the hash of the headword",
)


def prepare(into: Path) -> Path:
    """Write the channel and return its file. Equal bytes each time. Raises BadData, DiskFull."""
    train, test = ([TextExample(text=text) for text in part] for part in jargon.entries())
    write_channel(into, "text", {"train": train, "test": test}, _SOURCE)
    return into / MANIFEST
