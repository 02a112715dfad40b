"""Ingest through the whole local cloud, for `benchmarks.ingest`: durations and receipts."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from benchmarks import real_pages
from benchmarks.reporting import Spread, spread
from benchmarks.running_cloud import Caller, running_cloud

COLLECTION = "bench"
PATIENCE_S = 240.0
REPETITIONS = 3


@dataclass(frozen=True, slots=True)
class Kind:
    """Files of one kind: the pages of each file and of the warm-up file, and their maker."""

    ending: str
    pages: int
    warm_up: int
    make: Callable[[Sequence[real_pages.Page]], bytes]


KINDS: Mapping[str, Kind] = {
    "PDF": Kind("pdf", 40, 4, real_pages.pdf),
    "PDF in parts": Kind("pdf", 120, 70, real_pages.pdf),
    "DOCX": Kind("docx", 40, 4, real_pages.word),
    "scanned PDF": Kind("pdf", 5, 1, real_pages.scan),
}


@dataclass(frozen=True, slots=True)
class Uploaded:
    """Results of the uploaded files."""

    measured: Mapping[str, Spread]
    facts: Mapping[str, Any]


def measure() -> Uploaded:
    """Upload `REPETITIONS` files of each kind to a fresh cloud, after one that warms it up."""
    measured: dict[str, Spread] = {}
    facts: dict[str, Any] = {}
    with running_cloud() as caller:
        for name, kind in KINDS.items():
            _upload(caller, f"{name}-warm.{kind.ending}", kind, 0, kind.warm_up)
            rates, prices = [], []
            for number in range(1, REPETITIONS + 1):
                path = f"{name}-{number}.{kind.ending}"
                seconds, document = _upload(caller, path, kind, number, kind.pages)
                rates.append(kind.pages / seconds)
                prices.append(float(dollars(document)) * 1000 / kind.pages)
            measured[f"{name}, whole cloud"] = spread(rates, "pages/s")
            measured[f"{name}, a thousand pages"] = spread(prices, "dollars")
            facts[f"{name}, dollars a thousand pages, by lines"] = {
                line: format(amount * 1000 / kind.pages, ".6f")
                for line, amount in lines(document).items()
            }
            facts[f"{name}, billed transitions"] = document["receipt"]["transitions"]
            facts[f"{name}, pages a file"] = kind.pages
    return Uploaded(measured, facts)


def _upload(
    caller: Caller, path: str, kind: Kind, number: int, pages: int
) -> tuple[float, dict[str, Any]]:
    """Upload the `number`th file of a kind; return it and the seconds until a search found it."""
    shown = real_pages.pages(pages, number * kind.pages)
    content = kind.make(shown)
    announced = caller.announce(path, content, COLLECTION)
    document_id = announced["document_id"]
    began = time.perf_counter()
    caller.post(announced, content)
    document = caller.settled(document_id, PATIENCE_S)
    caller.found(document_id, shown[pages // 2][0][1][:200], COLLECTION)
    seconds = time.perf_counter() - began
    if (document["pages"], document["pages_needing_ocr"]) != (pages, 0):
        raise RuntimeError(f"{path}: {document['pages']} pages, not {pages} with text")
    return seconds, document


def dollars(document: Mapping[str, Any]) -> Decimal:
    """Return the sum of a document's receipt."""
    return Decimal(document["receipt"]["dollars"])


def lines(document: Mapping[str, Any]) -> dict[str, Decimal]:
    """Return the dollars of a receipt by purpose."""
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for line in document["receipt"]["lines"]:
        totals[f"{line['role']}: {line['model']}"] += Decimal(line["dollars"])
    return dict(totals)
