"""Which drawn documents the ranker learns from, and which designs it never sees before a test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from models.datasets.business_documents import KINDS, GeneratedDocument, draw_document
from models.datasets.business_documents.designs import DESIGNS, DocumentDesign, Split
from models.datasets.business_documents.random_designs import random_document

LEFT_OUT = 1
"""Designs of each kind that would be for training and are for the validation instead: how sure a
choice is has to be learned on designs that it was not."""
BY_HAND = {"train": 5, "validation": 3, "calibration": 4}
"""Of so many documents of a kind one is of a design by hand, the others of designs by chance."""

KNOWN = 3
"""Of so many documents of a kind for the calibration one is of no stranger."""
INVENTED = 0.3
"""Share of the labels in documents of strangers that mean nothing to anybody else."""

LearningSplit = Literal["train", "validation", "calibration"]
"""Documents to learn from, to stop by, and to tell by how sure choices are. The last two have the
same designs by hand, in other documents."""


def split_designs(kind: str, split: LearningSplit) -> Sequence[DocumentDesign]:
    """Return the designs by hand of a kind that one split has and the other does not."""
    known = [each for each in DESIGNS if each.kind == kind and each.split == "train"]
    if split == "train":
        return known[:-LEFT_OUT]
    others = [each for each in DESIGNS if each.kind == kind and each.split == "validation"]
    return [*known[-LEFT_OUT:], *others]


def is_strange(split: LearningSplit, number: int) -> bool:
    """Return whether a document is that of a stranger: two of three for the calibration are."""
    return split == "calibration" and number // len(KINDS) % KNOWN > 0


def split_documents(
    split: LearningSplit, seed: int, numbers: Sequence[int]
) -> Iterator[GeneratedDocument]:
    """Yield the documents of some numbers, kinds in turn, with wordings of the training.

    Most have a design of their own that is drawn by chance, of other seeds in each split. Those of
    strangers also have labels that mean nothing.
    """
    for at in numbers:
        invented = INVENTED if is_strange(split, at) else 0.0
        kind = KINDS[at % len(KINDS)]
        turn = at // len(KINDS)
        name = f"{split}/{seed}/{at}"
        if turn % BY_HAND[split]:
            yield random_document(kind, name, invented)
        else:
            designs = split_designs(kind, split)
            design = designs[turn // BY_HAND[split] % len(designs)]
            words: Split = "train" if split == "train" else "validation"
            yield draw_document(design, words, name, invented=invented)
