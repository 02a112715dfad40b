"""Decided items as rows that models are trained on. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.contracts.label_results import (
    DataPart,
    ExportedLabel,
    ExportFormat,
    LabelProvenance,
    PreferenceRow,
    SupervisedRow,
)
from chalicelib.contracts.labelling import (
    SIDES,
    AnswerItem,
    ExtractionItem,
    LabellingItem,
    LabellingKind,
    LabellingTask,
    PairItem,
)
from chalicelib.errors import InvalidInput
from chalicelib.labelling.records import ItemState, LabelText
from chalicelib.labelling.results import LabelDecision, decision, given_labels, labelled, votes_of

TEST_SHARE = 5
"""One prompt in so many is of the test part."""
FORMATS: Mapping[LabellingKind, tuple[ExportFormat, ...]] = {
    "pair": ("preference", "labels"),
    "answer": ("supervised", "labels"),
    "extraction": ("supervised", "labels"),
    "image": ("labels",),
}


@dataclass(frozen=True, slots=True)
class LabelledItem:
    """An item that is done, with its state and the texts of its reviewers by claim."""

    item: LabellingItem
    state: ItemState
    texts: Mapping[str, LabelText]


def require_format(task: LabellingTask, wanted: str | None) -> ExportFormat:
    """Return the format of an export, by default the first of the kind. Raises `InvalidInput`."""
    known = FORMATS[task.kind]
    for each in known:
        if wanted in (None, each):
            return each
    raise InvalidInput(
        f"A task of the kind {task.kind} is exported as {' or '.join(known)}.",
        field="format",
        limit=", ".join(known),
    )


def exported(task: LabellingTask, found: LabelledItem, wanted: ExportFormat) -> ExportedLabel | str:
    """Return an item as it is exported, or the reason why it makes no row."""
    decided = decision(found.state, task.reviews)
    if decided is None:
        return "undecided"
    provenance = _provenance(task, found, decided)
    if wanted == "labels":
        given = given_labels(found.state, found.texts)
        return ExportedLabel(
            part=_part(found.item), item=found.item, given=given, provenance=provenance
        )
    row = _row(task, found, decided)
    if isinstance(row, str):
        return row
    return ExportedLabel(part=_part(found.item), row=row, provenance=provenance)


def _row(
    task: LabellingTask, found: LabelledItem, decided: LabelDecision
) -> PreferenceRow | SupervisedRow | str:
    item = found.item
    if isinstance(item, PairItem):
        if decided.label not in SIDES:
            return "tie"
        chosen, rejected = (item.a, item.b) if decided.label == SIDES[0] else (item.b, item.a)
        return PreferenceRow(prompt=item.prompt, chosen=chosen, rejected=rejected)
    assert isinstance(item, AnswerItem | ExtractionItem)
    prompt, own = (
        (item.prompt, item.answer) if isinstance(item, AnswerItem) else (item.text, item.values)
    )
    corrections = _corrections(found, decided)
    if len(corrections) > 1:
        return "corrections differ"
    if corrections:
        return SupervisedRow(prompt=prompt, completion=corrections.pop())
    if decided.label in task.accepted:
        return SupervisedRow(prompt=prompt, completion=own)
    return "not accepted, and not corrected"


def _corrections(found: LabelledItem, decided: LabelDecision) -> set[str]:
    """Return the corrections by those who decided: the adjudicator, or the majority."""
    adjudication = found.state.adjudication
    if adjudication is not None and adjudication.correction:
        return {adjudication.correction}
    agreeing = (each for each in labelled(found.state) if each.label == decided.label)
    texts = (found.texts.get(each.claim_id, LabelText()) for each in agreeing)
    return {text.correction for text in texts if text.correction}


def _provenance(
    task: LabellingTask, found: LabelledItem, decided: LabelDecision
) -> LabelProvenance:
    adjudication = found.state.adjudication
    reviewers = [each.reviewer for each in labelled(found.state)]
    if adjudication is not None:
        reviewers = [*(name for name in reviewers if name != adjudication.reviewer)]
        reviewers.append(adjudication.reviewer)
    return LabelProvenance(
        task_id=task.task_id,
        item_id=found.state.item_id,
        id=found.item.id,
        label=decided.label,
        decided_by=decided.source,
        votes=dict(votes_of(found.state)),
        reviewers=tuple(reviewers),
        metadata=found.item.metadata,
    )


def _part(item: LabellingItem) -> DataPart:
    """Return the part of an item: all items of a prompt, a text or a document are of one part."""
    if isinstance(item, AnswerItem | PairItem):
        key = item.prompt
    else:
        key = item.text if isinstance(item, ExtractionItem) else item.document_id
    return part_of(key)


def part_of(text: str) -> DataPart:
    """Return the part that a prompt, a text or a document belongs to, by its hash."""
    digest = hashlib.sha256(text.encode()).digest()
    return "train" if int.from_bytes(digest[:8], "big") % TEST_SHARE else "test"
