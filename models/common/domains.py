"""Text of two domains as a channel: the new one, and below `before` that which a model knows.

Both are channels of text (models/common/text.py) by one tokenizer.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from models.common import text
from models.common.failures import BadData
from models.common.text import TOKENIZER, Text

BEFORE = "before"


@dataclass(frozen=True, slots=True)
class Domains:
    """What is to be learned, and what is not to be forgotten."""

    new: Text
    before: Text


def read(folder: Path) -> Domains:
    """Read a channel. Raises BadData, also where the two have not the same tokenizer."""
    found = Domains(text.read(folder), text.read(folder / BEFORE))
    if found.new.file != found.before.file:
        raise BadData(
            f"{folder} and its {BEFORE} have not the same {TOKENIZER}: tokens of one would mean "
            "something else in the other. Write both by one."
        )
    return found
