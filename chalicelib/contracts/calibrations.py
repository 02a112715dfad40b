"""Calibrations of saved extractors: maps of confidences that were learned from reviews."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from chalicelib.contracts.base import Contract

FieldGroup = Literal["value", "absent", "cell", "model"]
"""A value outside lists that the ranker chose, a null outside lists, a cell of a list, or a value
that a language model chose: each has a map of its own."""


class ConfidenceMap(Contract):
    """A line in the logarithm of the odds: it rises, so that it changes no order."""

    slope: float = Field(default=1.0, gt=0)
    shift: float = 0.0


class HeldOutCalibration(Contract):
    """How confidences do on the half of the reviewed documents that the maps were not fitted on.

    Attributes:
        documents: Its documents.
        rows: Their fields.
        wrong: Fields whose value a reviewer changed.
        auroc_low: The lower end of the 95 % interval, by documents, of the area under the curve.
        brier_before: The mean squared error of the confidences as they came.
        brier_after: The same of the mapped confidences.
        gain_low: The lower end of the 95 % interval, by documents, of their difference.
    """

    documents: int = Field(ge=0)
    rows: int = Field(ge=0)
    wrong: int = Field(ge=0)
    auroc_low: float
    brier_before: float
    brier_after: float
    gain_low: float


class ExtractorCalibration(Contract):
    """One version of an extractor's calibration: extractions that begin after it use it.

    A group without a map keeps its confidences.
    """

    extractor: str
    version: int = Field(ge=1)
    maps: dict[FieldGroup, ConfidenceMap]
    documents: int = Field(ge=0)
    rows: int = Field(ge=0)
    held_out: HeldOutCalibration
    created_at: AwareDatetime


class CalibrationAttempt(Contract):
    """The result of a calibration: the version that is used from now on, or why there is none.

    `documents` are the reviewed extractions of the extractor, and `rows` their fields. `held_out`
    is there if there were enough to judge a calibration.
    """

    taken: bool
    reason: str
    documents: int = Field(ge=0)
    rows: int = Field(ge=0)
    held_out: HeldOutCalibration | None = None
    calibration: ExtractorCalibration | None = None


CalibrationVersion = Annotated[int, Field(ge=0)]
"""The calibration that an extraction's confidences went through, 0 without one."""
