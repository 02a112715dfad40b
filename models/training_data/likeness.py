"""What rows have in common: copies, likes, leaks into the held-out part, and contradictions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.training.recipe import DataKind
from models.training_data import near_duplicates
from models.training_data.near_duplicates import Hashes, PairArray, SketchFile, equal_pairs
from models.training_data.problems import ProblemLog
from models.training_data.rows import IMAGE_KINDS, ROWS
from models.training_data.splits import TEST
from models.training_data.spool import RowSpool

SAMPLED = 512
"""Rows by which a template is found."""
ALIKE_SHARE = 0.1
_FEW = 20
_ONE_ANSWER: frozenset[DataKind] = frozenset(("labelled_text", "classed_images", "products"))


@dataclass(frozen=True, slots=True)
class Likeness:
    """`copies` are rows that another one repeats, [n]; `near` pairs of near-duplicates, [m, 2]."""

    copies: NDArray[np.bool_]
    near: PairArray


def find_likeness(
    spool: RowSpool, kind: DataKind, pictures: SketchFile, scratch: Path, log: ProblemLog
) -> Likeness:
    """Compare rows with each other, and note copies, likes, leaks and contradictions.

    Args:
        spool: The rows.
        kind: Their kind.
        pictures: The sketches of their pictures, of a kind with pictures.
        scratch: A folder for sketches.
        log: Takes what is found.
    """
    content, inputs = spool.content, spool.inputs
    test = spool.parts == TEST
    near = (
        _near_images(pictures, content)
        if kind in IMAGE_KINDS
        else _near_texts(spool, kind, scratch)
    )
    rows = np.arange(len(spool))
    copies = np.zeros(len(spool), np.bool_)
    side = content ^ np.where(test, np.uint64(0x5555555555555555), np.uint64(0))
    for one, other in equal_pairs(side, rows, rows.astype(np.uint64)):
        copies[other] = True
        log.add("duplicate_row", spool.at(int(other)).place, f"as {spool.at(int(one)).place}")
    # Rows of equal input are together anyway, and their answers may differ.
    near = near[inputs[near[:, 0]] != inputs[near[:, 1]]]
    for one, other in near[:_FEW]:
        log.add("near_duplicate", spool.at(int(other)).place, spool.at(int(one)).place)
    if len(near) > _FEW:
        log.add("near_duplicate", "", "", len(near) - _FEW)
    if len(near) > max(_FEW, ALIKE_SHARE * len(spool)):
        log.add("alike_rows", "", f"{len(near):,} pairs of {len(spool):,} rows")
    _note_ids(spool, content, log)
    if kind in _ONE_ANSWER:
        _note_contradictions(spool, inputs, content, log)
    if test.any() and not test.all():
        _note_leaks(spool, near, test, log)
    return Likeness(copies, near)


def _near_images(pictures: SketchFile, content: Hashes) -> PairArray:
    sketches = pictures.sketches()
    pairs = near_duplicates.candidates(sketches, content)
    return _pairs(list(near_duplicates.near_images(pairs, sketches)))


def _near_texts(spool: RowSpool, kind: DataKind, scratch: Path) -> PairArray:
    content = spool.content
    # The sample is of the smallest hashes, so that it depends on no order; copies count once.
    _, firsts = np.unique(content, return_index=True)
    common = near_duplicates.common_hashes(
        [_hashes(spool, kind, int(each)) for each in firsts[:SAMPLED]]
    )
    sketched = SketchFile(scratch / "texts.sketches")
    for number in range(len(spool)):
        own = near_duplicates.without(_hashes(spool, kind, number), common)
        sketched.add(near_duplicates.text_sketch(own))
    sketched.close()
    pairs = near_duplicates.candidates(sketched.sketches(), content)
    found = near_duplicates.near_texts(
        pairs, lambda at: near_duplicates.without(_hashes(spool, kind, at), common)
    )
    return _pairs(list(found))


def _hashes(spool: RowSpool, kind: DataKind, number: int) -> Hashes:
    row = ROWS[kind].model_validate_json(spool.at(number).line)
    return near_duplicates.text_hashes("\n".join(row.input_texts()))


def _pairs(found: list[tuple[int, int]]) -> PairArray:
    return np.array(found, np.int64).reshape(-1, 2)


def _note_ids(spool: RowSpool, content: Hashes, log: ProblemLog) -> None:
    ids = spool.ids
    named = np.flatnonzero(ids)
    for one, other in equal_pairs(ids[named], named, named.astype(np.uint64)):
        if content[one] != content[other]:
            log.add("duplicate_id", spool.at(int(other)).place, f"as {spool.at(int(one)).place}")


def _note_contradictions(spool: RowSpool, inputs: Hashes, content: Hashes, log: ProblemLog) -> None:
    rows = np.arange(len(inputs))
    for one, other in equal_pairs(inputs, rows, rows.astype(np.uint64)):
        if content[one] != content[other]:
            log.add(
                "conflicting_labels", spool.at(int(other)).place, f"as {spool.at(int(one)).place}"
            )


def _note_leaks(spool: RowSpool, near: PairArray, test: NDArray[np.bool_], log: ProblemLog) -> None:
    """Note held-out rows that are trained on, whole or nearly."""
    told = np.zeros(len(test), np.bool_)
    for name, values in (
        ("leaked_row", spool.content),
        ("leaked_input", spool.inputs),
        ("leaked_group", spool.groups),
    ):
        trained = {int(value): int(at) for at, value in _first_rows(values, ~test)}
        for at in np.flatnonzero(test & (values != 0)):
            before = trained.get(int(values[at]))
            if before is not None and not told[at]:
                told[at] = True
                log.add(name, spool.at(int(at)).place, f"as {spool.at(before).place}")
    for one, other in near[test[near[:, 0]] != test[near[:, 1]]]:
        held, trained_row = (one, other) if test[one] else (other, one)
        if not told[held]:
            told[held] = True
            log.add(
                "near_leak", spool.at(int(held)).place, f"as {spool.at(int(trained_row)).place}"
            )


def _first_rows(values: Hashes, chosen: NDArray[np.bool_]) -> list[tuple[int, int]]:
    rows = np.flatnonzero(chosen & (values != 0))
    found, firsts = np.unique(values[rows], return_index=True)
    return [(int(rows[first]), int(value)) for value, first in zip(found, firsts, strict=True)]
