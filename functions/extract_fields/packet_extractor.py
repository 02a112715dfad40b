"""Extracts from the documents within a file, and by that of several schemas which fits best.

    split the pages -> for each document: choose the terms -> extract, unless that is done

What is stored is not read again, so a long packet is gone through in several rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chalicelib.batches.outcomes import item_error
from chalicelib.contracts.extraction_orders import ExtractionTerms, PartOutcome
from chalicelib.contracts.functions.extract_fields import (
    ExtractDocumentRequest,
    ExtractDocumentResult,
    ReadPages,
)
from chalicelib.errors import HeadraceError, InvalidInput, QuotaExceeded, Throttled, Transient
from chalicelib.extraction.packets.splitter import PacketPart, part_of, split_packet
from chalicelib.extraction.schema import ExtractionSchema, extraction_schema
from chalicelib.extraction.storage import part_extraction_id

if TYPE_CHECKING:
    from chalicelib.extraction.document import SourceDocument
    from functions.extract_fields.version_source import ReadVersion

FITS = 0.7
"""The least probability of a schema that is taken: of the validation's documents whose kind none of
five is for, a tenth then gets one."""
CLEARLY = 1.5
"""By how much the odds of the schema that fits best have to be greater than the next one's."""
_TINY = 1e-9
_ENOUGH = 0.8
"""Share of the time of a request that a document has to have had before it is said to take longer
than it may; one that had less is read in another round."""
MAX_PARTS = 1_000
"""Documents within one file; their outcomes are one object."""


class SchemaFit(Protocol):
    """Says how well schemas fit, as `FieldExtractor` does."""

    def fit(
        self, asked: Sequence[tuple[ExtractionSchema, str]], document: SourceDocument
    ) -> list[float]:
        """Return how likely a document is one that each schema asks about, 0 to 1."""


class PacketVersions(Protocol):
    """Reads versions of documents and extracts from them, as `VersionExtractor` does."""

    def read(self, request: ExtractDocumentRequest) -> ReadVersion:
        """Return the pages and words of the version that answers now."""

    def extract(
        self, request: ExtractDocumentRequest, version: ReadVersion | None = None
    ) -> ExtractDocumentResult:
        """Extract, or return what is stored."""

    def is_stored(self, tenant: str, extraction_id: str) -> bool:
        """Return whether there is such an extraction."""


@dataclass(frozen=True, slots=True)
class PacketExtractor:
    """Extracts from packets.

    `fits` returns the models' opened extractor; `clock` counts seconds from any start, and `limit`
    ends what takes longer than some seconds by `QuotaExceeded`.
    """

    versions: PacketVersions
    fits: Callable[[], SchemaFit]
    clock: Callable[[], float]
    limit: Callable[[float], AbstractContextManager[None]]

    def extract(
        self,
        request: ExtractDocumentRequest,
        others: Sequence[ExtractionTerms],
        *,
        split: bool,
    ) -> tuple[PartOutcome, ...] | None:
        """Return what became of each document within a file, or None if there was too little time.

        The same request then goes on where this one ended.

        Args:
            request: what is asked of the whole file; its terms are the first to choose from.
            others: further terms to choose from.
            split: whether the file may hold several documents.

        Raises:
            InvalidInput: it has no page, or holds more documents than one file may.
            QuotaExceeded: it has more pages than can be split in the time.
            NotFound, Conflict: the document is not there, or not ready.
            Transient, Throttled: a service did not answer; the request may be repeated.
        """
        began = self.clock()
        version = self.versions.read(request)
        pages = version.source.pages
        parts: tuple[PacketPart, ...] = (PacketPart(1, len(pages), 1.0),)
        if split:
            with self.limit(request.seconds):
                parts = split_packet(version.source)
        if not pages:
            raise InvalidInput("The document has no page to extract from.", field="document_ids")
        if len(parts) > MAX_PARTS:
            raise InvalidInput(
                f"The file seems to hold {len(parts)} documents; one file may hold {MAX_PARTS}."
                " Cut it in several files.",
                field="split",
                limit=str(MAX_PARTS),
            )
        terms = [(each, extraction_schema(each.json_schema)) for each in (request.terms, *others)]
        outcomes = []
        for part in parts:
            left = request.seconds - (self.clock() - began)
            outcome = self._part(request, version, part, terms, left) if left > 0 else None
            if outcome is None:
                return None
            outcomes.append(outcome)
        return tuple(outcomes)

    def _part(
        self,
        request: ExtractDocumentRequest,
        version: ReadVersion,
        part: PacketPart,
        terms: Sequence[tuple[ExtractionTerms, ExtractionSchema]],
        seconds: float,
    ) -> PartOutcome | None:
        """Return what became of one document, or None if `seconds` were too few for it."""
        about = {"first_page": part.first, "last_page": part.last, "confidence": part.confidence}
        extraction = part_extraction_id(request.document_id, request.job_id, part.first, part.last)
        asked = request.model_copy(
            update={
                "extraction_id": extraction,
                "pages": ReadPages(first=part.first, last=part.last),
                "seconds": seconds,
            }
        )
        try:
            if len(terms) > 1 and not self.versions.is_stored(request.tenant, extraction):
                began = self.clock()
                with self.limit(seconds):
                    chosen = self._chosen(version, part, terms)
                left = max(1.0, seconds - (self.clock() - began))
                asked = asked.model_copy(update={"terms": chosen, "seconds": left})
            read = self.versions.extract(asked, version)
        except (Transient, Throttled):
            raise
        except HeadraceError as error:
            if isinstance(error, QuotaExceeded) and seconds < _ENOUGH * request.seconds:
                return None
            return PartOutcome.model_validate({**about, "error": item_error(error)})
        return PartOutcome.model_validate(
            {
                **about,
                "extraction_id": extraction,
                "version": read.version,
                "status": read.status,
                "error": read.error,
            }
        )

    def _chosen(
        self,
        version: ReadVersion,
        part: PacketPart,
        terms: Sequence[tuple[ExtractionTerms, ExtractionSchema]],
    ) -> ExtractionTerms:
        """Return the terms that fit best; raise `InvalidInput` if no terms clearly do."""
        source = part_of(version.source, part.first, part.last)
        asked = [(schema, each.extractor.partition("@")[0]) for each, schema in terms]
        found = self.fits().fit(asked, source)
        fits = sorted(((fit, at) for at, fit in enumerate(found)), reverse=True)
        if not is_clear(fits[0][0], fits[1][0]):
            told = ", ".join(f"{terms[at][0].extractor} {fit:.2f}" for fit, at in fits[:3])
            raise InvalidInput(
                f"No extractor clearly fits pages {part.first} to {part.last}: {told}. Extract from"
                " them by one extractor.",
                field="extractors",
                limit=f"a probability of {FITS}, and odds {CLEARLY} times the next one's",
            )
        return terms[fits[0][1]][0]


def is_clear(best: float, second: float) -> bool:
    """Return whether the schema that fits best is likely, and clearly more so than the next."""
    odds, of_second = ((each + _TINY) / (1 - each + _TINY) for each in (best, second))
    return best >= FITS and odds >= CLEARLY * of_second
