"""Entries of the Free On-line Dictionary of Computing under their subjects, as labelled texts.

D. Howe (ed.), http://foldoc.org, GFDL-1.1-or-later, from Debian's dict-foldoc. Most entries begin
with the subject that the editors gave them, such as <networking>; it is the label, and is taken out
of the text. The split is by the hash of the headword.
"""

from __future__ import annotations

from pathlib import Path

from models.datasets import foldoc
from models.training_data.channel import DataSource, write_channel
from models.training_data.rows import LabelledText

SUBJECTS = (
    *("language", "networking", "operating system", "hardware", "communications", "company"),
    *("mathematics", "storage"),
)
"""Subjects of many entries; `programming` and `jargon` are left out, as they name anything."""
TRAINED, VALIDATED, TESTED = 1_200, 200, 600


def prepare(into: Path) -> Path:
    """Write the channel and return its folder. Raises NoDataset, BadData, DiskFull."""
    found = [each for each in foldoc.entries() if each.subject in SUBJECTS]
    rows = [LabelledText(id=each.name, text=each.text, label=each.subject) for each in found]
    train, validation, test = foldoc.split(rows, TRAINED, VALIDATED, TESTED)
    about = DataSource(
        source=foldoc.SOURCE, licence=foldoc.LICENCE, split="by the hash of the headword"
    )
    write_channel(
        into, "labelled_text", {"train": train, "validation": validation, "test": test}, about
    )
    return into
