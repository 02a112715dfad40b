"""Calibrating an extractor from reviews: confidences of documents that no map was learned from.

A reviewer confirms or corrects every field of drawn documents of held-out designs, a kind at a
time: the extractor of a tenant who has such documents. The gate decides as it does for tenants.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.extraction import extracted
from benchmarks.extraction_judging import JudgedLeaf, judge
from benchmarks.extraction_ours import OwnExtractor
from benchmarks.reporting import Result, spread
from chalicelib.contracts.calibrations import FieldGroup
from chalicelib.extraction.calibration_fit import CalibrationFit, ReviewedField, fit_calibration
from chalicelib.labelling.learned_fields import MAX_FIELDS
from models.datasets.business_documents import KINDS, documents
from models.datasets.business_documents.designs import DocumentKind

SEED = 1_900
REVIEWED = (40, 80)
"""Reviewed documents of a kind; about half of them judge."""
ROWS = 6
NOTES = (
    "Held out: documents that taught no map, about half; gains have 95 % intervals by documents.",
    "A refused calibration changes nothing, and its squared error is what it would have been.",
)


def measure(repetitions: int = 1) -> Result:
    """Review `repetitions` times as many documents as usual, and calibrate by them."""
    extractor = OwnExtractor.open()
    facts: dict[str, Any] = {"extractor": extractor.version}
    gains = []
    for kind in KINDS:
        fields = list(_reviewed(kind, REVIEWED[-1] * repetitions, extractor))
        for count in REVIEWED:
            known = {f"{kind}-{n}" for n in range(count * repetitions)}
            fit = fit_calibration([each for each in fields if each.document_id in known])
            facts[f"{kind}, {count * repetitions} documents"] = _told(fit)
            if fit.held_out is not None:
                gains.append(fit.held_out.brier_before - fit.held_out.brier_after)
    measured = {"gain in squared error": spread(gains, "")}
    return Result("extraction_calibration", repetitions, measured, facts=facts, notes=NOTES)


def _reviewed(kind: DocumentKind, count: int, extractor: OwnExtractor) -> Iterator[ReviewedField]:
    for at, document in enumerate(documents("test", SEED, count, (kind,), rows=ROWS)):
        read, found, _ = extracted(document, extractor)
        leaves = judge(found, document.truth, document.lists, read.document).leaves
        yield from _fields(f"{kind}-{at}", leaves[:MAX_FIELDS])


def _fields(document_id: str, leaves: Sequence[JudgedLeaf]) -> Iterator[ReviewedField]:
    for leaf in leaves:
        if leaf.confidence is not None:
            group: FieldGroup = "value" if leaf.found else "absent"
            yield ReviewedField(
                document_id, "cell" if leaf.in_list else group, leaf.confidence, leaf.right
            )


def _told(fit: CalibrationFit) -> dict[str, Any]:
    judged = {} if fit.held_out is None else fit.held_out.model_dump()
    return {"taken": not fit.refusal, "refusal": fit.refusal, **judged}
