"""Extractions, extractors and their calibrations in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from chalicelib.contracts.calibrations import ExtractorCalibration
from chalicelib.contracts.extraction_orders import Extractor, ExtractorVersion
from chalicelib.contracts.extraction_reviews import ExtractionReview
from chalicelib.contracts.extractions import OPEN_TO_REVIEW, ExtractionFacts
from chalicelib.errors import NotFound
from chalicelib.labelling.extraction_library import StoredExtraction


@dataclass
class FakeExtractions:
    """Extractions by tenant and id. `gone` are documents that were removed meanwhile."""

    kept: dict[tuple[str, str], StoredExtraction] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)

    def add(self, tenant: str, facts: ExtractionFacts) -> StoredExtraction:
        if facts.document_id in self.gone:
            raise NotFound("gone", field="document_id")
        stored = StoredExtraction(facts, ExtractionReview())
        return self.kept.setdefault((tenant, facts.extraction_id), stored)

    def extraction(self, tenant: str, extraction_id: str) -> StoredExtraction | None:
        return self.kept.get((tenant, extraction_id))

    def extractions(
        self, tenant: str, document_id: str, after: str, *, newest_first: bool = False
    ) -> Iterator[StoredExtraction]:
        for (owner, name), stored in sorted(self.kept.items(), reverse=newest_first):
            wanted = document_id in {"", stored.facts.document_id}
            behind = not after or (name < after if newest_first else name > after)
            if owner == tenant and wanted and behind:
                yield stored

    def extraction_ids(self, tenant: str) -> Iterator[str]:
        yield from (name for owner, name in sorted(self.kept) if owner == tenant)

    def extractions_of(self, tenant: str, ids: Sequence[str]) -> list[StoredExtraction]:
        return [self.kept[tenant, each] for each in ids if (tenant, each) in self.kept]

    def waiting(self, tenant: str, after: str) -> Iterator[tuple[str, str]]:
        found = sorted(
            (f"{round(1000 * each.facts.lowest_confidence):04d}#{name}", name)
            for (owner, name), each in self.kept.items()
            if owner == tenant and each.facts.status in OPEN_TO_REVIEW
        )
        yield from (each for each in found if each[0] > after)

    def change(self, tenant: str, before: StoredExtraction, after: StoredExtraction) -> bool:
        key = (tenant, before.facts.extraction_id)
        if self.kept[key].revision != before.revision:
            return False
        self.kept[key] = after
        return True


@dataclass
class FakeExtractors:
    """Versions of extractors by tenant and name."""

    kept: dict[tuple[str, str], list[ExtractorVersion]] = field(default_factory=dict)

    def head(self, tenant: str, name: str) -> Extractor | None:
        versions = self.kept.get((tenant, name))
        return versions[-1] if versions else None

    def heads(self, tenant: str, after: str) -> Iterator[Extractor]:
        for (owner, name), versions in sorted(self.kept.items()):
            if owner == tenant and name > after:
                yield Extractor.model_validate(versions[-1].model_dump())

    def version(self, tenant: str, name: str, number: int) -> ExtractorVersion | None:
        for each in self.kept.get((tenant, name), ()):
            if each.version == number:
                return each
        return None

    def add(self, tenant: str, before: Extractor | None, added: ExtractorVersion) -> bool:
        head = self.head(tenant, added.name)
        if (head and head.version) != (before and before.version):
            return False
        self.kept.setdefault((tenant, added.name), []).append(added)
        return True

    def remove(self, tenant: str, name: str) -> int:
        return len(self.kept.pop((tenant, name)))


@dataclass
class FakeCalibrations:
    """Versions of calibrations by tenant and extractor, and those that are used."""

    kept: dict[tuple[str, str], list[ExtractorCalibration]] = field(default_factory=dict)
    used: dict[tuple[str, str], ExtractorCalibration] = field(default_factory=dict)

    def newest(self, tenant: str, extractor: str) -> ExtractorCalibration | None:
        return self.used.get((tenant, extractor))

    def version(self, tenant: str, extractor: str, number: int) -> ExtractorCalibration | None:
        return self.kept[tenant, extractor][number - 1]

    def count(self, tenant: str, extractor: str) -> int:
        return len(self.kept.get((tenant, extractor), ()))

    def add(self, tenant: str, added: ExtractorCalibration) -> bool:
        key = (tenant, added.extractor)
        self.kept.setdefault(key, []).append(added)
        self.used[key] = added
        return True

    def retire(self, tenant: str, extractor: str) -> None:
        self.used.pop((tenant, extractor), None)
