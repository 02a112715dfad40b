"""Learns the maps of confidences from reviewed fields, and judges them on other documents. Pure.

Half of the documents teach and half judge, told apart by a hash of their ids, so that the same
reviews always come to the same maps. What is judged is what is used.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chalicelib.contracts.calibrations import ConfidenceMap, FieldGroup, HeldOutCalibration
from chalicelib.extraction.recalibration import log_odds, mapped

MIN_DOCUMENTS = 20
MIN_ROWS = 100
MIN_OF_EACH = 10
"""Right and wrong fields that either half needs."""
MIN_GROUP_ROWS = 40
"""Fields of a group that a map of its own needs, with `MIN_GROUP_OF_EACH` right and wrong ones."""
MIN_GROUP_OF_EACH = 5
MIN_SLOPE = 0.05
RESAMPLES = 200
_PULL = 1.0
"""How strongly a map is held to the one that changes nothing: as one field would."""
_STEPS = 50
_SEED = 20_261_201


@dataclass(frozen=True, slots=True)
class ReviewedField:
    """A field of a reviewed document: how sure it was said to be, and whether it was right."""

    document_id: str
    group: FieldGroup
    confidence: float
    correct: bool


@dataclass(frozen=True, slots=True)
class CalibrationFit:
    """Maps with how they did, or the reason why there are none that could be used."""

    maps: Mapping[FieldGroup, ConfidenceMap]
    held_out: HeldOutCalibration | None
    refusal: str = ""


def fit_calibration(rows: Sequence[ReviewedField]) -> CalibrationFit:
    """Return maps that were fitted on half of the documents and are better on the other half."""
    documents = {row.document_id for row in rows}
    if len(documents) < MIN_DOCUMENTS or len(rows) < MIN_ROWS:
        return _refused(
            f"{len(documents)} reviewed documents have {len(rows)} fields; it takes"
            f" {MIN_DOCUMENTS} documents and {MIN_ROWS} fields."
        )
    teaching = [row for row in rows if _teaches(row.document_id)]
    judging = [row for row in rows if not _teaches(row.document_id)]
    for half in (teaching, judging):
        right = sum(row.correct for row in half)
        if min(right, len(half) - right) < MIN_OF_EACH:
            return _refused(
                f"Half of the documents have {right} right and {len(half) - right} wrong fields;"
                f" it takes {MIN_OF_EACH} of each."
            )
    maps = dict(_fitted_maps(teaching))
    if not maps:
        return _refused("No kind of field has enough right and wrong ones, rising in confidence.")
    held_out = _judged(judging, maps)
    if held_out.auroc_low <= 0.5:
        return _refused("Confidences do not tell right fields from wrong ones.", held_out)
    if held_out.gain_low <= 0:
        return _refused("On other documents the maps are not surely better than none.", held_out)
    return CalibrationFit(maps, held_out)


def area_under_curve(scores: Sequence[tuple[float, bool]]) -> float:
    """Return how often a right one is surer than a wrong one; equally sure ones count half."""
    ordered = sorted(scores)
    right = sum(correct for _, correct in ordered)
    wrong = len(ordered) - right
    if not right or not wrong:
        return 0.5
    ranks = at = 0.0
    while at < len(ordered):
        end = int(at)
        while end < len(ordered) and ordered[end][0] == ordered[int(at)][0]:
            end += 1
        mean = (at + 1 + end) / 2
        ranks += mean * sum(correct for _, correct in ordered[int(at) : end])
        at = end
    return (ranks - right * (right + 1) / 2) / (right * wrong)


def _refused(reason: str, held_out: HeldOutCalibration | None = None) -> CalibrationFit:
    return CalibrationFit({}, held_out, reason)


def _teaches(document_id: str) -> bool:
    return hashlib.sha256(document_id.encode()).digest()[0] % 2 == 0


def _fitted_maps(rows: Sequence[ReviewedField]) -> list[tuple[FieldGroup, ConfidenceMap]]:
    groups: dict[FieldGroup, list[ReviewedField]] = {}
    for row in rows:
        groups.setdefault(row.group, []).append(row)
    fitted = []
    for group, its in groups.items():
        right = sum(row.correct for row in its)
        if len(its) < MIN_GROUP_ROWS or min(right, len(its) - right) < MIN_GROUP_OF_EACH:
            continue
        slope, shift = _logistic([(log_odds(row.confidence), row.correct) for row in its])
        if slope >= MIN_SLOPE:
            fitted.append((group, ConfidenceMap(slope=round(slope, 4), shift=round(shift, 4))))
    return fitted


def _logistic(rows: Sequence[tuple[float, bool]]) -> tuple[float, float]:
    """Return slope and shift of the likeliest line, by Newton's method."""
    slope, shift = 1.0, 0.0
    for _ in range(_STEPS):
        of_slope, of_shift = _PULL * (slope - 1), _PULL * shift
        curved, mixed, flat = _PULL, 0.0, _PULL
        for odds, correct in rows:
            exponent = max(-40.0, min(40.0, slope * odds + shift))
            chance = 1 / (1 + math.exp(-exponent))
            error, weight = chance - correct, chance * (1 - chance)
            of_slope += error * odds
            of_shift += error
            curved += weight * odds * odds
            mixed += weight * odds
            flat += weight
        determinant = curved * flat - mixed * mixed
        step = (flat * of_slope - mixed * of_shift) / determinant
        shift_step = (curved * of_shift - mixed * of_slope) / determinant
        # A step beyond these bounds would leave where the curve tells of its minimum.
        slope -= max(-1.0, min(1.0, step))
        shift -= max(-1.0, min(1.0, shift_step))
        if abs(step) + abs(shift_step) < 1e-8:
            break
    return slope, shift


def _judged(
    rows: Sequence[ReviewedField], maps: Mapping[FieldGroup, ConfidenceMap]
) -> HeldOutCalibration:
    """Return how the maps do, with intervals over documents drawn anew."""
    documents: dict[str, list[tuple[float, float, bool]]] = {}
    for row in rows:
        by = maps.get(row.group)
        after = row.confidence if by is None else mapped(row.confidence, by)
        documents.setdefault(row.document_id, []).append((row.confidence, after, row.correct))
    whole = [each for its in documents.values() for each in its]
    rng = random.Random(_SEED)  # noqa: S311 - an interval, and no secret
    gains, areas = [], []
    each_document = list(documents.values())
    for _ in range(RESAMPLES):
        drawn = [each for its in rng.choices(each_document, k=len(each_document)) for each in its]
        before, after = _briers(drawn)
        gains.append(before - after)
        areas.append(area_under_curve([(confidence, right) for confidence, _, right in drawn]))
    before, after = _briers(whole)
    return HeldOutCalibration(
        documents=len(documents),
        rows=len(whole),
        wrong=sum(not right for _, _, right in whole),
        auroc_low=round(_low(areas), 4),
        brier_before=round(before, 6),
        brier_after=round(after, 6),
        gain_low=round(_low(gains), 6),
    )


def _briers(rows: Sequence[tuple[float, float, bool]]) -> tuple[float, float]:
    before = math.fsum((confidence - right) ** 2 for confidence, _, right in rows)
    after = math.fsum((confidence - right) ** 2 for _, confidence, right in rows)
    return before / len(rows), after / len(rows)


def _low(drawn: Sequence[float]) -> float:
    """Return the 2.5th percentile."""
    return sorted(drawn)[int(0.025 * len(drawn))]
