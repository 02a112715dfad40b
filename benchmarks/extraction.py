"""Structured extraction on documents with known truth: values, lists, evidence, confidence, cost.

Documents are of designs, wordings and locales that nothing was trained or tuned on, read by the
functions of ingest. Real files are reported apart, with labels made by hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from benchmarks.extraction_figures import figures
from benchmarks.extraction_judging import JudgedDocument, judge
from benchmarks.extraction_ours import OwnExtractor
from benchmarks.extraction_peers import PlumberPeer, plumber_peer, told_labels
from benchmarks.extraction_reading import FileReading, cpu_seconds, read_file
from benchmarks.extraction_real.measuring import real_figures
from benchmarks.reporting import Result, Spread, spread
from chalicelib.contracts.extractions import Extraction
from chalicelib.generation.catalogue import catalogue
from models.datasets.business_documents import (
    KINDS,
    GeneratedDocument,
    documents,
    scanned,
)

SEED = 129
HELD_OUT, SEEN, SCANS = 150, 40, 15
"""Documents of held-out designs, of designs that training has, and scans of held-out ones."""
SCAN_ROWS = 6
PEERED = ("held-out designs", "designs of training")
"""The sets that the peer is given as well."""
MEMORY_GB = Decimal(1769) / 1024
"""The memory at which a function has one whole processor."""
NOTES = (
    "Intervals are 95 %, by 400 draws of documents.",
    "A value is right if it is equal in value; its evidence if it has the words that show it.",
    "Held-out designs, half of their wordings, keys and locales are in no training.",
    "Real files were labelled by hand before any extraction was run on them.",
    "The peer is told the labels of each document, which ours are not but where that is said.",
)


@dataclass(frozen=True, slots=True)
class MeasuredDocument:
    """A document as it was judged, and the CPU seconds that it took."""

    judged: JudgedDocument
    pages: int
    reading: float
    extracting: float


def measure(repetitions: int = 1) -> Result:
    """Extract every document `repetitions` times as many, and judge what comes."""
    extractor = OwnExtractor.open()
    sets = {
        "held-out designs": documents("test", SEED, HELD_OUT * repetitions),
        "held-out designs, told the labels": map(
            _with_labels, documents("test", SEED, HELD_OUT * repetitions)
        ),
        "designs of training": documents("validation", SEED, SEEN * repetitions),
        "scans of held-out designs": _scans(SCANS * repetitions),
    }
    facts: dict[str, Any] = {"extractor": extractor.version}
    measured: dict[str, Spread] = {}
    with plumber_peer() as peer:
        for name, drawn in sets.items():
            done, theirs = _measured(drawn, extractor, peer if name in PEERED else None)
            facts[name] = figures([each.judged for each in done]) | _by_kind(done)
            measured |= _spreads(name, done)
            if theirs:
                facts[f"{name}, pdfplumber"] = figures(theirs)
    facts["real files"] = real_figures(extractor)
    return Result("extraction", repetitions, measured, facts=facts, notes=NOTES)


def _with_labels(document: GeneratedDocument) -> GeneratedDocument:
    """Return a document whose schema knows the document's own labels, as the peer's does."""
    return replace(document, schema=told_labels(document))


def _scans(count: int) -> Iterator[GeneratedDocument]:
    for at, document in enumerate(documents("test", SEED + 1, count, rows=SCAN_ROWS)):
        yield scanned(document, f"{SEED}/{at}")


def extracted(
    document: GeneratedDocument, extractor: OwnExtractor
) -> tuple[FileReading, Extraction, float]:
    """Read and extract a document; return both, and the CPU seconds of extracting."""
    read = read_file("document.pdf", document.pdf)
    began = cpu_seconds()
    found = extractor.extract(document.schema, read.document)
    return read, found, cpu_seconds() - began


def _measured(
    drawn: Iterator[GeneratedDocument], extractor: OwnExtractor, peer: PlumberPeer | None
) -> tuple[list[MeasuredDocument], list[JudgedDocument]]:
    done, theirs = [], []
    for document in drawn:
        read, found, seconds = extracted(document, extractor)
        judged = judge(found, document.truth, document.lists, read.document)
        done.append(
            MeasuredDocument(judged, document.pages, read.reading + read.recognising, seconds)
        )
        if peer:
            theirs.append(peer_judged(document, peer)[0])
    return done, theirs


def peer_judged(document: GeneratedDocument, peer: PlumberPeer) -> tuple[JudgedDocument, float]:
    """Return what the peer finds in a document, and the seconds that it took."""
    values, seconds = peer.extract(document.pdf, told_labels(document))
    found = Extraction.model_validate({"status": "complete", "values": values})
    return judge(found, document.truth, document.lists, None), seconds


def _by_kind(done: Sequence[MeasuredDocument]) -> dict[str, Any]:
    """Return the F1 and the invented share of each kind of document."""
    kinds: dict[str, Any] = {}
    for place, kind in enumerate(KINDS):
        judged = [each.judged for each in done[place :: len(KINDS)]]
        told = figures(judged)
        names = ("value F1", "invented on blanks", "rows found", "grounded")
        kinds[kind] = {name: told[name] for name in names}
    return {"by kind of document": kinds}


def _spreads(name: str, done: Sequence[MeasuredDocument]) -> dict[str, Spread]:
    pages = [(each.reading / each.pages, each.extracting / each.pages) for each in done]
    return {
        f"reading a page, {name}": spread([each[0] for each in pages], "CPU s"),
        f"extracting of a page, {name}": spread([each[1] for each in pages], "CPU s"),
        f"cost of a page, {name}": spread([dollars(sum(each)) for each in pages], "USD"),
    }


def dollars(cpu_s: float) -> float:
    """Return the price of CPU seconds in a function that has one processor."""
    gb_second = catalogue().price("lambda.gb_second.arm64").dollars
    return float(Decimal(str(cpu_s)) * MEMORY_GB * gb_second)
