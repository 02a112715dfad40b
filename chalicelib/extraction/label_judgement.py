"""Judges learned labels on reviewed documents that did not teach them. Pure.

Documents are parted by a hash of their ids. Each is read with the labels that those of the other
parts teach, and without any, so that all of them judge, and none by what it taught itself.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.contracts.calibrations import HeldOutLabels
from chalicelib.extraction.label_sightings import is_same_value, without_row
from chalicelib.extraction.learned_labels import learn_labels

if TYPE_CHECKING:
    from pydantic import JsonValue

    from chalicelib.contracts.calibrations import LearnedLabel
    from chalicelib.contracts.extractions import ExtractedField
    from chalicelib.extraction.label_sightings import DocumentSightings
    from chalicelib.extraction.schema import ExtractionSchema

PARTS = 4
MIN_JUDGES = 2
"""Documents that have to be read anew."""
RIGHT_FOR_WRONG = 3
"""Right values that labels have to add for each wrong one."""
MIN_CHANGED = 3
"""Sure values that reviews have to change, and more than they keep, to be doubted themselves."""
RESAMPLES = 400
_SEED = 20_261_201


@dataclass(frozen=True, slots=True)
class FieldCounts:
    """Fields of one reading of a document: all, those with a right value, and with a wrong one.

    `kept` and `changed` count the values outside of lists that the review keeps and changes.
    """

    fields: int
    right: int
    wrong: int
    kept: int = 0
    changed: int = 0

    @property
    def worth(self) -> int:
        """Return the right values less the wrong ones: a null is better than a wrong value."""
        return self.right - self.wrong


def other_labels(
    documents: Sequence[DocumentSightings],
) -> Mapping[str, tuple[LearnedLabel, ...]]:
    """Return for each document, in the order in which they judge, the labels of other parts.

    Without the part that judges one document may be left that shows a field: it teaches alone.
    """
    order = sorted(documents, key=lambda each: hashlib.sha256(each.document_id.encode()).digest())
    parts = min(PARTS, len(order))
    taught = []
    for part in range(parts):
        others = [each for at, each in enumerate(order) if at % parts != part]
        taught.append(learn_labels(others, of_few=True))
    return {each.document_id: taught[at % parts] for at, each in enumerate(order)}


def field_counts(
    reviewed: Mapping[str, JsonValue], read: Sequence[ExtractedField], schema: ExtractionSchema
) -> FieldCounts:
    """Count the fields of one reading by their reviewed values, of pointers with rows.

    A column of a list counts once: as right, or as wrong, if half of its cells are.
    """
    found = {field.pointer: field.value for field in read}
    cells: dict[str, list[tuple[bool, bool]]] = {}
    for pointer, value in reviewed.items():
        given = found.get(pointer)
        right = value is not None and is_same_value(given, value)
        wrong = given is not None and not right
        cells.setdefault(without_row(pointer, schema), []).append((right, wrong))
    single = [its[0] for pointer, its in cells.items() if pointer in reviewed]
    return FieldCounts(
        len(cells),
        sum(2 * sum(right for right, _ in its) >= len(its) for its in cells.values()),
        sum(2 * sum(wrong for _, wrong in its) >= len(its) for its in cells.values()),
        kept=sum(right for right, _ in single),
        changed=sum(wrong for _, wrong in single),
    )


def held_out_labels(judged: Sequence[tuple[FieldCounts, FieldCounts]]) -> HeldOutLabels:
    """Return how documents are read without labels and with them, one pair a document."""
    gains = [after.worth - before.worth for before, after in judged]
    rng = random.Random(_SEED)  # noqa: S311 - an interval, and no secret
    means = sorted(
        sum(rng.choices(gains, k=len(gains))) / len(gains) for _ in range(RESAMPLES if gains else 0)
    )
    return HeldOutLabels(
        documents=len(judged),
        fields=sum(before.fields for before, _ in judged),
        right_before=sum(before.right for before, _ in judged),
        right_after=sum(after.right for _, after in judged),
        wrong_before=sum(before.wrong for before, _ in judged),
        wrong_after=sum(after.wrong for _, after in judged),
        gain_low=round(means[int(0.025 * len(means))], 4) if means else 0.0,
        kept=sum(before.kept for before, _ in judged),
        changed=sum(before.changed for before, _ in judged),
    )


def label_refusal(held_out: HeldOutLabels) -> str:
    """Return why labels are not used, "" if they are.

    They are if they add right values, several for each wrong one, and at the lower end of the
    interval add no more wrong than right ones. Reviews that change most of what was surely read
    teach nothing: such values are wrong far less often than that.
    """
    if held_out.documents < MIN_JUDGES:
        return (
            f"{held_out.documents} documents could be read anew in time to judge labels; it takes"
            f" {MIN_JUDGES}."
        )
    if held_out.changed > max(held_out.kept, MIN_CHANGED - 1):
        return (
            f"The reviews change {held_out.changed} of {held_out.kept + held_out.changed} values"
            " that were sure without labels; look whether they are of these documents and fields."
        )
    right = held_out.right_after - held_out.right_before
    wrong = held_out.wrong_after - held_out.wrong_before
    if right < max(1, RIGHT_FOR_WRONG * wrong) or held_out.gain_low < 0:
        return (
            f"On {held_out.documents} documents that did not teach them labels are not surely"
            f" better than none: {held_out.right_after} values are right with them and"
            f" {held_out.right_before} without, {held_out.wrong_after} wrong and"
            f" {held_out.wrong_before}."
        )
    return ""
