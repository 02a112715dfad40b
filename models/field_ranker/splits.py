"""Which drawn documents the ranker learns from, and which designs it never sees before a test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from models.datasets.business_documents import KINDS, GeneratedDocument, draw_document
from models.datasets.business_documents.designs import DESIGNS, DocumentDesign

LEFT_OUT = 1
"""Designs of each kind that would be for training and are for the validation instead: how sure a
choice is has to be learned on designs that it was not."""

LearningSplit = Literal["train", "validation"]


def split_designs(kind: str, split: LearningSplit) -> Sequence[DocumentDesign]:
    """Return the designs of a kind that one split has and the other does not."""
    known = [each for each in DESIGNS if each.kind == kind and each.split == "train"]
    if split == "train":
        return known[:-LEFT_OUT]
    others = [each for each in DESIGNS if each.kind == kind and each.split == "validation"]
    return [*known[-LEFT_OUT:], *others]


def split_documents(split: LearningSplit, seed: int, count: int) -> Iterator[GeneratedDocument]:
    """Yield that many documents, kinds and designs in turn, with wordings of the training."""
    for at in range(count):
        kind = KINDS[at % len(KINDS)]
        designs = split_designs(kind, split)
        design = designs[at // len(KINDS) % len(designs)]
        yield draw_document(design, split, f"{split}/{seed}/{at}")
