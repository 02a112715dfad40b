"""Packets: the pages of several documents one after the other, and on which each begins.

Half of the packets are a stack of one sender's documents in one design, so that only what is
written in them tells one from the next.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from models.datasets.business_documents.designs import DESIGNS, Split
from models.datasets.business_documents.documents import draw_document
from models.datasets.business_documents.generated_document import GeneratedDocument

MOST_DOCUMENTS = 6
_OF_ONE_SENDER = 0.5
_ROWS = (1, 2, 4, 8, 20, 40, 60, 90, 130)
"""Rows of lists, so that about half of the documents that have one are of several pages."""


@dataclass(frozen=True, slots=True)
class GeneratedPacket:
    """Documents in the order of their pages; `of_one_sender` if all have one design and sender."""

    documents: tuple[GeneratedDocument, ...]
    of_one_sender: bool


def packets(split: Split, seed: int, count: int) -> Iterator[GeneratedPacket]:
    """Yield packets of two to six documents of a split's own designs, the same by a seed."""
    designs = [each for each in DESIGNS if each.split == split]
    for at in range(count):
        name = f"packet/{split}/{seed}/{at}"
        rng = random.Random(name)  # noqa: S311 - packets are to be the same each time
        stacked = rng.random() < _OF_ONE_SENDER
        one = designs[at % len(designs)]
        drawn = []
        for number in range(rng.randint(2, MOST_DOCUMENTS)):
            design = one if stacked else rng.choice(designs)
            rows = rng.choice(_ROWS)
            sender = name if stacked else ""
            drawn.append(draw_document(design, split, f"{name}/{number}", rows, sender))
        yield GeneratedPacket(tuple(drawn), stacked)
