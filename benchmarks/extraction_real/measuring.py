"""Extraction judged on a set of labelled real files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.extraction_figures import figures
from benchmarks.extraction_judging import JudgedDocument, judge
from benchmarks.extraction_ours import OwnExtractor
from benchmarks.extraction_peers import plumber_peer
from benchmarks.extraction_reading import read_file
from benchmarks.extraction_real.files import DEVELOPMENT, HELD_OUT, RealDocument, real_set
from benchmarks.reporting import Result
from chalicelib.contracts.extractions import Extraction
from chalicelib.errors import HeadraceError

NOTES = (
    "These files may be looked at: what they teach is judged on the held-out ones.",
    "Labels are by hand. Intervals are 95 %, by 400 draws of documents.",
)


def measure(repetitions: int = 1) -> Result:
    """Judge extraction on the development set, once whatever `repetitions` is."""
    extractor = OwnExtractor.open()
    facts = {"extractor": extractor.version, **real_figures(extractor, DEVELOPMENT)}
    return Result("extraction_development", repetitions, {}, facts=facts, notes=NOTES)


def real_figures(extractor: OwnExtractor, path: Path = HELD_OUT) -> Mapping[str, Any]:
    """Return the figures of a set, what came of each file, and why files are left out."""
    judged, by_file, pages = [], {}, 0
    found_set = real_set(path)
    with plumber_peer() as peer:
        theirs = []
        for real in found_set.documents:
            try:
                one, told = _real_file(real, extractor)
            except HeadraceError as error:
                by_file[real.name] = f"rejected: {error.message}"
                continue
            judged.append(one)
            by_file[real.name] = told
            pages += real.pages
            if real.name.endswith(".pdf"):
                values, _ = peer.extract(real.body, real.schema)
                found = Extraction.model_validate({"status": "complete", "values": values})
                theirs.append(judge(found, real.truth, real.lists, None))
    return {
        "pages": pages,
        **figures(judged),
        "by file": by_file,
        "left out": dict(found_set.left_out),
        "pdfplumber, of the PDFs": figures(theirs),
    }


def _real_file(real: RealDocument, extractor: OwnExtractor) -> tuple[JudgedDocument, str]:
    read = read_file(real.name, real.body)
    found = extractor.extract(real.schema, read.document)
    judged = judge(found, real.truth, real.lists, read.document)
    single = [leaf for leaf in judged.leaves if not leaf.in_list]
    right = sum(leaf.right for leaf in single)
    invented = sum(leaf.invented for leaf in single)
    told = f"{right} of {len(single)} right, {invented} invented"
    for each in judged.lists:
        told += f"; {each.matched} of {each.true} rows, {each.whole} whole, {each.found} read"
    return judged, told
