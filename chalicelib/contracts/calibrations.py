"""Calibrations of saved extractors: labels and maps of confidences, learned from reviews."""

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


class LearnedLabel(Contract):
    """A name that documents have for a field: a label beside its reviewed values.

    Attributes:
        field: The JSON Pointer of the field; that of a list's column has no number of a row.
        label: The words, as most of the documents write them.
        documents: The reviewed documents in which it names the field.
    """

    field: str
    label: str
    documents: int = Field(ge=1)


class HeldOutLabels(Contract):
    """How fields are read with labels that other reviewed documents taught, and without any.

    A field is a value outside of lists, or a column of one, right where most of its cells are.

    Attributes:
        documents: The reviewed documents that were read anew for it.
        fields: Their fields.
        right_before: Right values without labels.
        right_after: Right values with labels.
        wrong_before: Wrong values that were given without labels, also where there is none.
        wrong_after: The same with labels.
        gain_low: The lower end of the 95 % interval, by documents, of what a document gains in
            right values less wrong ones.
        kept: Values outside of lists that were given without labels, and that reviews keep.
        changed: Those of them that reviews change.
    """

    documents: int = Field(ge=0)
    fields: int = Field(ge=0)
    right_before: int = Field(ge=0)
    right_after: int = Field(ge=0)
    wrong_before: int = Field(ge=0)
    wrong_after: int = Field(ge=0)
    gain_low: float
    kept: int = Field(default=0, ge=0)
    changed: int = Field(default=0, ge=0)


class ExtractorCalibration(Contract):
    """One version of an extractor's calibration: extractions that begin after it use it.

    A group without a map keeps its confidences. `held_out` is that of the maps, and
    `held_out_labels` that of the labels; each is there with them.
    """

    extractor: str
    version: int = Field(ge=1)
    maps: dict[FieldGroup, ConfidenceMap]
    labels: tuple[LearnedLabel, ...] = ()
    documents: int = Field(ge=0)
    rows: int = Field(ge=0)
    held_out: HeldOutCalibration | None = None
    held_out_labels: HeldOutLabels | None = None
    created_at: AwareDatetime


class LabelAttempt(Contract):
    """The labels learned from reviewed values, and whether they are used, or why not.

    `documents` are the reviewed ones whose labels were looked at. `held_out` is there if any were
    read anew to judge the labels.
    """

    taken: bool
    reason: str = ""
    documents: int = Field(default=0, ge=0)
    labels: tuple[LearnedLabel, ...] = ()
    held_out: HeldOutLabels | None = None


class CalibrationAttempt(Contract):
    """The result of a calibration: the version that is used from now on, or why there is none.

    `reason` says why confidences have no map, and `labels` what was learned of the documents' own
    words; a version is stored if either is of use. `documents` are the reviewed extractions of the
    extractor, and `rows` their fields. `held_out` is there if there were enough to judge a map.
    """

    taken: bool
    reason: str
    documents: int = Field(ge=0)
    rows: int = Field(ge=0)
    held_out: HeldOutCalibration | None = None
    labels: LabelAttempt = LabelAttempt(taken=False)
    calibration: ExtractorCalibration | None = None


CalibrationVersion = Annotated[int, Field(ge=0)]
"""The calibration that an extraction went through, 0 without one."""
