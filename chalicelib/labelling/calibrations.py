"""Calibrations of saved extractors: learned from reviews, stored in versions, used by the next.

Labels come first, and maps of confidences are fitted on documents that were read with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.calibrations import CalibrationAttempt, ExtractorCalibration, LabelAttempt
from chalicelib.contracts.functions.extract_fields import LearnLabelsRequest, LearnLabelsResult
from chalicelib.errors import Conflict, NotFound
from chalicelib.extraction.calibration_fit import ReviewedField, fit_calibration
from chalicelib.extraction.recalibration import field_group, unmapped
from chalicelib.labelling.extractor_terms import referenced_terms
from chalicelib.labelling.learned_fields import learned_fields

if TYPE_CHECKING:
    from chalicelib.contracts.calibrations import ConfidenceMap, FieldGroup
    from chalicelib.contracts.extraction_orders import ExtractionTerms
    from chalicelib.labelling.extraction_library import ExtractionLibrary, StoredExtraction
    from chalicelib.labelling.extractor_terms import SavedExtractors

MAX_REVIEWED = 300
"""The newest reviewed extractions that are learned from: some seconds of reading."""
MAX_LOOKED_AT = 20_000
MAX_TEACHERS = 60
"""The newest reviewed extractions whose labels are learned."""
LABEL_SECONDS = 14.0
"""Seconds of the function that learns labels, of the 25 that its client waits; the others are for
its start."""


class CalibrationRecords(Protocol):
    """Stores calibrations by tenant and extractor."""

    def newest(self, tenant: str, extractor: str) -> ExtractorCalibration | None:
        """Return the calibration that is used, or None."""

    def version(self, tenant: str, extractor: str, number: int) -> ExtractorCalibration | None:
        """Return one version, or None."""

    def count(self, tenant: str, extractor: str) -> int:
        """Return how many versions there were."""

    def add(self, tenant: str, added: ExtractorCalibration) -> bool:
        """Store the next version and have it used; return False if there is such a version."""

    def retire(self, tenant: str, extractor: str) -> None:
        """Have no calibration used any more; the versions stay."""


class LabelTeacher(Protocol):
    """The function that learns labels, as `ExtractFunction` does."""

    def learn(self, request: LearnLabelsRequest) -> LearnLabelsResult:
        """Return what the labels beside reviewed values teach."""


@dataclass(frozen=True, slots=True)
class Calibrations:
    """Learns, shows and retires calibrations of all tenants.

    `teacher` returns the function that learns labels, looked up when there are reviews.
    """

    records: CalibrationRecords
    extractors: SavedExtractors
    library: ExtractionLibrary
    now: Callable[[], datetime]
    teacher: Callable[[], LabelTeacher]

    def newest(self, tenant: str, extractor: str) -> ExtractorCalibration:
        """Return the calibration that is used; raise `NotFound`."""
        found = self.records.newest(tenant, extractor)
        if found is None:
            raise NotFound(
                f"No calibration of {extractor} is used; POST learns one from its reviews.",
                field="extractor",
            )
        return found

    def calibrate(self, tenant: str, extractor: str) -> CalibrationAttempt:
        """Learn from the reviews of an extractor, and use what is better on other documents.

        Raises:
            NotFound: there is no such extractor.
            Conflict: another calibration was stored meanwhile.
            Transient, Throttled: a service did not answer; the call may be repeated.
        """
        terms = referenced_terms(self.extractors, tenant, extractor)
        reviewed = self._reviewed(tenant, extractor)
        learned = self._learned(tenant, terms, reviewed)
        rows = list(self._rows(tenant, extractor, reviewed, learned))
        documents = len({stored.facts.document_id for stored in reviewed})
        fit = fit_calibration(rows)
        attempt = CalibrationAttempt(
            taken=not fit.refusal or learned.attempt.taken,
            reason=fit.refusal,
            documents=documents,
            rows=len(rows),
            held_out=fit.held_out,
            labels=learned.attempt,
        )
        if not attempt.taken:
            return attempt
        added = ExtractorCalibration(
            extractor=extractor,
            version=self.records.count(tenant, extractor) + 1,
            maps=dict(fit.maps),
            labels=learned.attempt.labels if learned.attempt.taken else (),
            documents=documents,
            rows=len(rows),
            held_out=None if fit.refusal else fit.held_out,
            held_out_labels=learned.attempt.held_out if learned.attempt.taken else None,
            created_at=self.now(),
        )
        if not self.records.add(tenant, added):
            raise Conflict("Another calibration was stored meanwhile.", field="extractor")
        return attempt.model_copy(update={"calibration": added})

    def retire(self, tenant: str, extractor: str) -> None:
        """Have the extractor read without labels and maps; raise `NotFound`."""
        self.newest(tenant, extractor)
        self.records.retire(tenant, extractor)

    def _reviewed(self, tenant: str, extractor: str) -> list[StoredExtraction]:
        """Return the reviewed extractions of an extractor that teach, the newest first."""
        found = self.library.records.extractions(tenant, "", "")
        reviewed = [
            stored
            for stored in islice(found, MAX_LOOKED_AT)
            if stored.facts.status == "reviewed"
            and stored.facts.extractor.partition("@")[0] == extractor
        ]
        reviewed.sort(key=lambda stored: stored.facts.updated_at, reverse=True)
        return reviewed[:MAX_REVIEWED]

    def _learned(
        self, tenant: str, terms: ExtractionTerms, reviewed: Sequence[StoredExtraction]
    ) -> LearnLabelsResult:
        if not reviewed:
            attempt = LabelAttempt(taken=False, reason="No document is reviewed.")
            return LearnLabelsResult(attempt=attempt)
        ids = tuple(stored.facts.extraction_id for stored in reviewed[:MAX_TEACHERS])
        return self.teacher().learn(
            LearnLabelsRequest(
                tenant=tenant,
                bucket=self.library.bucket,
                terms=terms,
                extraction_ids=ids,
                seconds=LABEL_SECONDS,
                correlation_id=ids[0],
            )
        )

    def _rows(
        self,
        tenant: str,
        extractor: str,
        reviewed: Sequence[StoredExtraction],
        learned: LearnLabelsResult,
    ) -> Iterator[ReviewedField]:
        """Yield reviewed fields with their confidences before any map.

        They are of documents that were read as the next ones will be: with labels, or without any.
        What a model chose is chosen by none when a document is read anew.
        """
        anew = {read.extraction_id for read in learned.fields}
        for read in learned.fields:
            yield ReviewedField(read.document_id, read.group, read.confidence, read.correct)
        known: dict[int, ExtractorCalibration | None] = {0: None}
        for stored in reviewed:
            number = stored.facts.calibration
            if number not in known:
                known[number] = self.records.version(tenant, extractor, number)
            calibration = known[number]
            is_labelled = calibration is not None and bool(calibration.labels)
            is_alike = is_labelled == learned.attempt.taken
            maps = {} if calibration is None else calibration.maps
            for field in self._fields(tenant, stored, maps):
                if field.group == "model" or (is_alike and stored.facts.extraction_id not in anew):
                    yield field

    def _fields(
        self,
        tenant: str,
        stored: StoredExtraction,
        maps: Mapping[FieldGroup, ConfidenceMap],
    ) -> Iterator[ReviewedField]:
        """Yield the fields of an extraction, with their confidences before its maps."""
        for proposed, right in learned_fields(self.library, tenant, stored):
            group = field_group(proposed)
            by = maps.get(group)
            yield ReviewedField(
                document_id=stored.facts.document_id,
                group=group,
                confidence=proposed.confidence if by is None else unmapped(proposed.confidence, by),
                correct=proposed.value == right.value,
            )
