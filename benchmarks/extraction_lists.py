"""Extraction of long lists on documents with known truth: rows, cells, seconds of a core."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from benchmarks.extraction import SEED, dollars, extracted, peer_judged
from benchmarks.extraction_figures import figures, share
from benchmarks.extraction_judging import JudgedDocument, judge
from benchmarks.extraction_ours import OwnExtractor
from benchmarks.extraction_peers import PlumberPeer, plumber_peer
from benchmarks.reporting import Result
from models.datasets.business_documents import documents, draw_document
from models.datasets.business_documents.designs import DESIGNS
from models.datasets.business_documents.generated_document import GeneratedDocument
from models.datasets.business_documents.list_shapes import shaped_documents

SIZES = (25, 800, 1_200, 3_200, 10_000)
LARGE = 800
"""From so many rows on, lists are of an invoice and of a statement alone."""
STATEMENT_ROWS = 3_500
"""Rows of a bank statement of about 100 pages."""
SHAPES = {"arrays of single values": "array", "entries of labelled lines": "entries"}
RECEIPTS = "receipts"
SHAPE_SEED = 129
"""Of documents without tables: none of them was looked at while lists were built."""
SHAPE_COUNTS = {"array": 100, "entries": 60, RECEIPTS: 30}
NOTES = (
    "Held-out designs. From 800 rows on, lists are of an invoice and of a statement.",
    "Lists without tables are of validation designs: their wordings are known to the vocabulary.",
)


def measure(repetitions: int = 1) -> Result:
    """Read a list of each size, and a statement of 100 pages, once whatever `repetitions` is."""
    extractor = OwnExtractor.open()
    facts: dict[str, Any] = {"extractor": extractor.version}
    with plumber_peer() as peer:
        facts["lists by size"] = {str(size): _lists(size, extractor, peer) for size in SIZES}
    facts["lists without tables"] = {name: _shaped(name, extractor) for name in (*SHAPES, RECEIPTS)}
    facts["statement of 100 pages"] = _statement(extractor)
    return Result("extraction_lists", repetitions, {}, facts=facts, notes=NOTES)


def _lists(size: int, extractor: OwnExtractor, peer: PlumberPeer) -> dict[str, Any]:
    """Return how lists of a size are found, in statements and invoices of held-out designs."""
    designs = [
        each for each in DESIGNS if each.split == "test" and each.kind in ("statement", "invoice")
    ]
    ours, theirs, seconds, their_seconds = [], [], [], []
    by_design: dict[str, str] = {}
    for design in designs if size < LARGE else designs[1::4]:
        document = draw_document(design, "test", f"{SEED}/{size}", size)
        read, found, took = extracted(document, extractor)
        ours.append(judge(found, document.truth, document.lists, read.document))
        seconds.append(round(took, 2))
        counts = ours[-1].lists[0]
        by_design[design.name] = f"{counts.matched} of {counts.true}, {counts.found} rows read"
        if size <= SIZES[1]:
            judged, spent = peer_judged(document, peer)
            theirs.append(judged)
            their_seconds.append(round(spent, 2))
    told = {"extracting, CPU s": seconds, "by design": by_design, **_list_figures(ours)}
    if theirs:
        told["pdfplumber"] = {"CPU s": their_seconds, **_list_figures(theirs)}
    return told


def _shaped(name: str, extractor: OwnExtractor) -> dict[str, Any]:
    """Return how lists of one shape are found that no table has."""
    judged = []
    for document in _shaped_documents(name):
        read, found, _ = extracted(document, extractor)
        judged.append(judge(found, document.truth, document.lists, read.document))
    lists = [each for document in judged for each in document.lists]
    counts = {"lists": len(lists), "true rows": sum(each.true for each in lists)}
    return {**counts, **_list_figures(judged)}


def _shaped_documents(name: str) -> Iterator[GeneratedDocument]:
    if name in SHAPES:
        shape = SHAPES[name]
        yield from shaped_documents("validation", SHAPE_SEED, SHAPE_COUNTS[shape], (shape,))
        return
    (design,) = (each for each in DESIGNS if each.split == "validation" and each.kind == "receipt")
    for at in range(SHAPE_COUNTS[RECEIPTS]):
        yield draw_document(design, "validation", f"{SHAPE_SEED}/{at}")


def _list_figures(judged: Sequence[JudgedDocument]) -> dict[str, Any]:
    told = figures(judged)
    names = ("rows found", "rows wholly right", "cells of lists", "rows that are of the list")
    others = (
        *("rows twice", "value F1", "rows read, whatever is in their columns"),
        *("lists said to be complete that are not", "lists said to be complete"),
        "lists said to be complete that are not wholly right",
    )
    return {name: told[name] for name in (*names, *others)}


def _statement(extractor: OwnExtractor) -> dict[str, Any]:
    (document,) = islice(documents("test", SEED, 1, ("statement",), rows=STATEMENT_ROWS), 1)
    read, found, seconds = extracted(document, extractor)
    judged = judge(found, document.truth, document.lists, read.document)
    return {
        "pages": document.pages,
        "reading, CPU s": round(read.reading, 1),
        "extracting, CPU s": round(seconds, 1),
        "cost of a page, USD": dollars((read.reading + seconds) / document.pages),
        "rows found": share([judged], lambda each: (each.lists[0].matched, each.lists[0].true)),
    }
