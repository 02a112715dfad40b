"""Results of labelling: progress, agreement, disagreements, and rows to train on.

Labels of pairs are `a`, `b` and `tie` here, whatever order their reviewers saw.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import AwareDatetime, Field

from chalicelib.contracts.base import Contract
from chalicelib.contracts.labelling import (
    DecisionSource,
    LabellingItem,
    Measurement,
    TaskStatus,
)

ExportFormat = Literal["preference", "supervised", "labels"]
DataPart = Literal["train", "test"]


class AgreementCoefficient(Contract):
    """Krippendorff's alpha of the labels of items that two reviewers at least labelled.

    1 is agreement, 0 is chance. `alpha` is None where it is not defined: no two labels of one item,
    or the same label everywhere. Gold items do not count.
    """

    alpha: float | None
    measurement: Measurement
    items: int
    labels: int


class ReviewerProgress(Contract):
    """A reviewer's counts: labels, skips, and gold items whose known label was found."""

    reviewer: str
    labelled: int
    skipped: int
    late: int
    gold_labelled: int
    gold_right: int
    gold_accuracy: float | None


class PositionCounts(Contract):
    """Of the labels of pairs: how often side `a` stood first, and which position was preferred."""

    a_first: int = 0
    b_first: int = 0
    preferred_first: int = 0
    preferred_second: int = 0


class LabellingProgress(Contract):
    """How far a task is. `decided` items have a label; `undecided` ones need an adjudication."""

    task_id: str
    status: TaskStatus
    items: int
    gold_items: int
    open: int
    decided: int
    undecided: int
    adjudicated: int
    labels: int
    skips: int
    agreement: AgreementCoefficient
    positions: PositionCounts | None
    reviewers: tuple[ReviewerProgress, ...]


class GivenLabel(Contract):
    """One reviewer's label of an item; `label` is empty where the item was skipped."""

    reviewer: str
    label: str = ""
    skipped: str = ""
    swapped: bool = False
    late: bool = False
    correction: str = ""
    comment: str = ""
    at: AwareDatetime


class Disagreement(Contract):
    """An item that no label has the most votes of, with what was said of it."""

    item_id: str
    item: LabellingItem
    given: tuple[GivenLabel, ...]


class DisagreementList(Contract):
    """Items that need an adjudication. A page may be empty, and go on behind its cursor."""

    items: tuple[Disagreement, ...]
    next_cursor: str | None


class AdjudicatedItem(Contract):
    """The label that an item has now."""

    item_id: str
    label: str
    reviewer: str
    at: AwareDatetime


class PreferenceRow(Contract):
    """A line of `pairs-*.jsonl`, as the recipes that learn from preferences read it."""

    prompt: str
    chosen: str
    rejected: str


class SupervisedRow(Contract):
    """A line of `train.jsonl`, as the recipes that fine-tune language models read it."""

    prompt: str
    completion: str


class LabelProvenance(Contract):
    """Where a row comes from: its item, the label, who decided it, and how many gave which."""

    task_id: str
    item_id: str
    id: str
    label: str
    decided_by: DecisionSource
    votes: Mapping[str, int]
    reviewers: tuple[str, ...]
    metadata: Mapping[str, str] = Field(default_factory=dict)


class ExportedLabel(Contract):
    """A decided item. `row` is what is trained on, `item` is set where `format` is `labels`.

    `part` is `test` for one prompt in five, by its hash, so that no prompt is in both parts.
    """

    part: DataPart
    row: PreferenceRow | SupervisedRow | None = None
    item: LabellingItem | None = None
    given: tuple[GivenLabel, ...] = ()
    provenance: LabelProvenance


class LabelExportPage(Contract):
    """Decided items; `left_out` counts, by reason, the items of this page that make no row."""

    format: ExportFormat
    items: tuple[ExportedLabel, ...]
    left_out: Mapping[str, int]
    next_cursor: str | None
