"""The report of a check: what data is, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from models.training.recipe import DataKind
from models.training_data.channel import DataPart, DataProblem
from models.training_data.problems import ProblemLog, Severity


class _ReportPart(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LengthSummary(_ReportPart):
    """Lengths of rows, their texts together, in `unit`: tokens or characters."""

    unit: str
    median: int
    p95: int
    largest: int
    total: int

    @classmethod
    def of(cls, lengths: NDArray[np.int64], unit: str) -> LengthSummary:
        """Sum up the lengths of rows, [n], n above 0."""
        median, high = np.quantile(lengths, (0.5, 0.95), method="inverted_cdf")
        return cls(
            unit=unit,
            median=int(median),
            p95=int(high),
            largest=int(lengths.max()),
            total=int(lengths.sum()),
        )


class ReportedPlace(_ReportPart):
    """Where a problem is, and what was found there."""

    place: str
    detail: str


class ReportedProblem(_ReportPart):
    """A problem with its first places."""

    name: str
    severity: Severity
    count: int
    about: str
    fix: str
    places: tuple[ReportedPlace, ...]


class DataReport(_ReportPart):
    """What a check found. `rows` can be used; `parts` and `classes` count them."""

    source: str
    kind: DataKind | None
    rows: int
    parts: Mapping[DataPart, int] = {}
    classes: Mapping[str, int] = {}
    lengths: LengthSummary | None = None
    languages: Mapping[str, float] = {}
    """Shares of the languages of a sample of the rows, by their ISO 639-1 code."""
    duplicates: int = 0
    alike: int = 0
    """Pairs of rows that are nearly the same."""
    personal_data: Mapping[str, int] = {}
    """Rows with what looks like personal data, by its kind."""
    problems: tuple[ReportedProblem, ...] = ()

    @property
    def errors(self) -> Sequence[ReportedProblem]:
        """Return the problems that stop a training."""
        return [each for each in self.problems if each.severity == "error"]

    def accepted(self) -> list[DataProblem]:
        """Return the warnings, as a manifest has them."""
        return [
            DataProblem(name=each.name, rows=each.count, about=each.about)
            for each in self.problems
            if each.severity == "warning"
        ]


def reported_problems(log: ProblemLog) -> tuple[ReportedProblem, ...]:
    """Return what a log has, errors first."""
    return tuple(
        ReportedProblem(
            name=each.kind.name,
            severity=log.severity(each.kind),
            count=each.count,
            about=each.kind.about,
            fix=each.kind.fix,
            places=tuple(ReportedPlace(place=one.place, detail=one.detail) for one in each.places),
        )
        for each in log.found()
    )
