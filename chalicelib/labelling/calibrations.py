"""Calibrations of saved extractors: learned from reviews, stored in versions, used by the next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.calibrations import CalibrationAttempt, ExtractorCalibration
from chalicelib.errors import Conflict, NotFound
from chalicelib.extraction.calibration_fit import ReviewedField, fit_calibration
from chalicelib.extraction.recalibration import field_group, unmapped
from chalicelib.labelling.field_edits import edited_fields

if TYPE_CHECKING:
    from chalicelib.contracts.calibrations import ConfidenceMap, FieldGroup
    from chalicelib.labelling.extraction_library import ExtractionLibrary, StoredExtraction
    from chalicelib.labelling.extractor_terms import SavedExtractors

MAX_REVIEWED = 300
"""The newest reviewed extractions that are learned from: some seconds of reading."""
MAX_LOOKED_AT = 20_000
MAX_FIELDS = 100
"""Fields of one document that are learned from, the first ones: a long list would outweigh all."""


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


@dataclass(frozen=True, slots=True)
class Calibrations:
    """Learns, shows and retires calibrations of all tenants."""

    records: CalibrationRecords
    extractors: SavedExtractors
    library: ExtractionLibrary
    now: Callable[[], datetime]

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
        """Learn from the reviews of an extractor, and use it if it is better on other documents.

        Raises:
            NotFound: there is no such extractor.
            Conflict: another calibration was stored meanwhile.
        """
        if self.extractors.head(tenant, extractor) is None:
            raise NotFound(
                f"There is no extractor {extractor}; GET /v1/extractors lists them.",
                field="extractor",
            )
        rows = list(self._rows(tenant, extractor))
        documents = len({row.document_id for row in rows})
        fit = fit_calibration(rows)
        if fit.refusal or fit.held_out is None:
            return CalibrationAttempt(
                taken=False,
                reason=fit.refusal,
                documents=documents,
                rows=len(rows),
                held_out=fit.held_out,
            )
        added = ExtractorCalibration(
            extractor=extractor,
            version=self.records.count(tenant, extractor) + 1,
            maps=dict(fit.maps),
            documents=documents,
            rows=len(rows),
            held_out=fit.held_out,
            created_at=self.now(),
        )
        if not self.records.add(tenant, added):
            raise Conflict("Another calibration was stored meanwhile.", field="extractor")
        return CalibrationAttempt(
            taken=True,
            reason="",
            documents=documents,
            rows=len(rows),
            held_out=fit.held_out,
            calibration=added,
        )

    def retire(self, tenant: str, extractor: str) -> None:
        """Have the extractor's confidences as they come; raise `NotFound`."""
        self.newest(tenant, extractor)
        self.records.retire(tenant, extractor)

    def _rows(self, tenant: str, extractor: str) -> Iterator[ReviewedField]:
        """Yield the fields of reviewed extractions, with their confidences before any map."""
        found = self.library.records.extractions(tenant, "", "")
        reviewed = [
            stored
            for stored in islice(found, MAX_LOOKED_AT)
            if stored.facts.status == "reviewed"
            and stored.facts.extractor.partition("@")[0] == extractor
        ]
        reviewed.sort(key=lambda stored: stored.facts.updated_at, reverse=True)
        maps: dict[int, dict[FieldGroup, ConfidenceMap]] = {0: {}}
        for stored in reviewed[:MAX_REVIEWED]:
            number = stored.facts.calibration
            if number not in maps:
                known = self.records.version(tenant, extractor, number)
                maps[number] = {} if known is None else known.maps
            yield from self._reviewed_fields(tenant, stored, maps[number])

    def _reviewed_fields(
        self,
        tenant: str,
        stored: StoredExtraction,
        maps: dict[FieldGroup, ConfidenceMap],
    ) -> Iterator[ReviewedField]:
        # The files of a reviewed extraction are its own again where its status is another.
        read = replace(stored, facts=stored.facts.model_copy(update={"status": "complete"}))
        for proposed, _ in islice(self.library.fields(tenant, read, 0), MAX_FIELDS):
            (right,) = edited_fields([proposed], stored.review.edits)
            group = field_group(proposed)
            by = maps.get(group)
            yield ReviewedField(
                document_id=stored.facts.document_id,
                group=group,
                confidence=proposed.confidence if by is None else unmapped(proposed.confidence, by),
                correct=proposed.value == right.value,
            )
