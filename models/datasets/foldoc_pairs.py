"""Names and what the Free On-line Dictionary of Computing says of them, as queries and passages.

D. Howe (ed.), http://foldoc.org, GFDL-1.1-or-later, from Debian's dict-foldoc. A passage has
`this` in the place of its own name, so that no query is found by its words. The split is by the
hash of the headword.
"""

from __future__ import annotations

import re
from pathlib import Path

from models.datasets import foldoc
from models.datasets.foldoc import DictionaryEntry
from models.training_data.channel import DataSource, write_channel
from models.training_data.rows import TextPair

TRAINED, VALIDATED, TESTED = 2_000, 200, 500
MASK = "this"
_LONGEST = 400


def prepare(into: Path) -> Path:
    """Write the channel and return its folder. Raises NoDataset, BadData, DiskFull."""
    rows = [
        TextPair(id=entry.name, query=entry.name, passage=_masked(entry))
        for entry in foldoc.entries()
        if len(entry.text) <= _LONGEST and entry.name != MASK
    ]
    train, validation, test = foldoc.split(rows, TRAINED, VALIDATED, TESTED)
    about = DataSource(
        source=foldoc.SOURCE, licence=foldoc.LICENCE, split="by the hash of the headword"
    )
    write_channel(
        into, "text_pairs", {"train": train, "validation": validation, "test": test}, about
    )
    return into


def _masked(entry: DictionaryEntry) -> str:
    """Return the text of an entry without its name."""
    name = rf"(?<!\w){re.escape(entry.name)}(?!\w)"
    return re.sub(name, MASK, entry.text, flags=re.IGNORECASE)
