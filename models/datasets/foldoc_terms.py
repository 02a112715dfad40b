"""Sentences of the Free On-line Dictionary of Computing with the terms in them, as tagged texts.

D. Howe (ed.), http://foldoc.org, GFDL-1.1-or-later, from Debian's dict-foldoc. The editors marked
the terms that have an entry of their own. A span has the subject of that entry as its class, as far
as it is one of a few. The split is by the hash of the entry's headword.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from models.datasets import foldoc
from models.datasets.foldoc import DictionaryEntry
from models.training_data.channel import DataSource, write_channel
from models.training_data.rows import LabelledSpan, TaggedText

CLASSES: Mapping[str, str] = {
    "language": "language",
    "company": "organisation",
    "body": "organisation",
    "operating system": "system",
    "networking": "network",
    "communications": "network",
    "protocol": "network",
    "hardware": "hardware",
    "processor": "hardware",
    "storage": "hardware",
    "computer": "hardware",
}
"""The class of a term by the subject of its entry; others are not tagged."""
TRAINED, VALIDATED, TESTED = 1_500, 200, 600
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z(])")
_SHORTEST, _LONGEST = 40, 300


def prepare(into: Path) -> Path:
    """Write the channel and return its folder. Raises NoDataset, BadData, DiskFull."""
    known = foldoc.entries()
    subjects = {entry.name.casefold(): entry.subject for entry in known}
    rows = [row for entry in known for row in _sentences(entry, subjects)]
    train, validation, test = foldoc.split(rows, TRAINED, VALIDATED, TESTED)
    about = DataSource(
        source=foldoc.SOURCE, licence=foldoc.LICENCE, split="by the hash of the headword"
    )
    write_channel(
        into, "tagged_text", {"train": train, "validation": validation, "test": test}, about
    )
    return into


def _sentences(entry: DictionaryEntry, subjects: Mapping[str, str]) -> Iterator[TaggedText]:
    """Yield the first sentence of an entry that has marked terms, and is neither short nor long.

    In others the editors may have marked nothing, whatever they name.
    """
    start = 0
    for sentence in _SENTENCE.split(entry.text):
        start = entry.text.index(sentence, start)
        end = start + len(sentence)
        marked = any(start <= one and other <= end for one, other in entry.references)
        if marked and _SHORTEST <= len(sentence) <= _LONGEST:
            spans = tuple(
                LabelledSpan(start=one - start, end=other - start, label=CLASSES[subject])
                for one, other in entry.references
                if start <= one
                and other <= end
                and (subject := subjects.get(entry.text[one:other].casefold(), "")) in CLASSES
            )
            yield TaggedText(id=entry.name, group=entry.name, text=sentence, spans=spans)
            return
        start = end
