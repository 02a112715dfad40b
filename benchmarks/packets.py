"""Files of several documents, split: drawn ones of held-out designs, and real ones.

Beside two peers: every page a document of its own, and a new one wherever a page counts itself as
the first, as tools for scanned stacks do that look for `1 of N`. Real packets are real files one
after the other, five at a time and at most six pages of each, in orders drawn by a seed.

The choice among five schemas, each of another document of its kind, is judged on held-out designs.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from benchmarks.extraction_real.files import real_set
from benchmarks.reporting import Result, quantile, spread
from chalicelib.extraction.document import DocumentPage, SourceDocument, source_document
from chalicelib.extraction.extractor import FieldExtractor
from chalicelib.extraction.packets.page_facts import page_facts
from chalicelib.extraction.packets.splitter import PacketPart, split_packet
from chalicelib.extraction.schema import ExtractionSchema, extraction_schema
from chalicelib.inference.embedder import Embedder
from functions.extract_fields.packet_extractor import is_clear
from functions.read_document.pdf import pdf_document
from models.datasets.business_documents import KINDS, documents
from models.datasets.business_documents.packets import packets
from models.field_ranker.examples import CachingEmbedder, read_generated
from models.packet_splitter.pages import PacketPages, packet_pages
from models.packet_splitter.scores import packet_scores
from models.pull.cache import CACHE

SEED = 141
DRAWN, REAL = 100, 100
DRAWS = 400
CHOSEN, ASKED = 60, 40
"""Documents for which a schema is chosen, and those that the schemas are of."""
REAL_DOCUMENTS, REAL_PAGES = 5, 6
_FIRST = re.compile(r"(?<!\d)1\s*(?:/|of|von|sur|de|di|van|av)\s*\d+\b", re.IGNORECASE)

Judged = tuple[PacketPages, Sequence[PacketPart]]


def measure(repetitions: int = 1) -> Result:
    """Split `repetitions` times as many packets as usual, and judge what comes."""
    rng = random.Random(SEED)  # noqa: S311 - packets are to be the same each time
    sets = {
        "held-out designs": [
            packet_pages(each, rng) for each in packets("test", SEED, DRAWN * repetitions)
        ],
        "real files": list(real_packets(rng, REAL * repetitions)),
    }
    facts: dict[str, object] = {}
    for name, drawn in sets.items():
        for splitter, split in SPLITTERS.items():
            facts[f"{name}, {splitter}"] = scored([(each, split(each.document)) for each in drawn])
    for name, named in (("choice among five extractors", False), ("choice by names too", True)):
        facts[name] = choices(rng, CHOSEN * repetitions, named=named)
    sizes = [len(each.document.pages) for each in sets["held-out designs"]]
    return Result(
        name="packets",
        repetitions=repetitions,
        measured={"pages of a packet": spread(sizes, "pages")},
        facts=facts,
        notes=("Intervals are 95 %, by 400 draws of packets.",),
    )


def real_packets(rng: random.Random, count: int) -> Iterator[PacketPages]:
    """Yield packets of real PDFs one after the other."""
    files: list[Sequence[DocumentPage]] = []
    for each in real_set().documents:
        if each.body.startswith(b"%PDF"):
            read, _ = pdf_document.read(each.body)
            files.append(source_document(read.pages, read.words).pages[:REAL_PAGES])
    for _ in range(count):
        pages: list[DocumentPage] = []
        starts = []
        for file in rng.sample(files, REAL_DOCUMENTS):
            starts.append(len(pages))
            pages += [replace(page, number=len(pages) + at) for at, page in enumerate(file, 1)]
        yield PacketPages(
            SourceDocument("", "", "", "", tuple(pages)), tuple(starts), of_one_sender=False
        )


def choices(rng: random.Random, count: int, *, named: bool) -> dict[str, float]:
    """Return how often the schema that fits best is the right one, and is clearly the best.

    `named` says whether extractors are called by their kind of document, as `invoices` is.
    `absent_given` is how often one is clearly the best where the right one is not offered.
    """
    extractor = FieldExtractor.open(CachingEmbedder(Embedder.open(CACHE)))
    schemas: dict[str, list[ExtractionSchema]] = {kind: [] for kind in KINDS}
    for each in documents("test", SEED, ASKED):
        schemas[each.kind].append(extraction_schema(each.schema))
    told = dict.fromkeys(("right", "clearly_right", "clearly_wrong", "absent_given"), 0)
    for each in documents("test", SEED + 1, count):
        read = read_generated(each)
        asked = [(rng.choice(schemas[kind]), f"{kind}s" if named else "") for kind in KINDS]
        fits = dict(zip(KINDS, extractor.fit(asked, read), strict=True))
        best = sorted(fits, key=lambda kind: -fits[kind])
        clear = is_clear(fits[best[0]], fits[best[1]])
        told["right"] += best[0] == each.kind
        told["clearly_right"] += clear and best[0] == each.kind
        told["clearly_wrong"] += clear and best[0] != each.kind
        others = [fits[kind] for kind in best if kind != each.kind]
        told["absent_given"] += is_clear(others[0], others[1])
    return {name: round(number / count, 4) for name, number in told.items()} | {"documents": count}


def by_page(document: SourceDocument) -> tuple[PacketPart, ...]:
    """Return each page as a document."""
    return tuple(PacketPart(page.number, page.number, 1.0) for page in document.pages)


def by_counters(document: SourceDocument) -> tuple[PacketPart, ...]:
    """Return a new document wherever a header or a footer counts its page as the first."""
    starts = [document.pages[0].number]
    for page in document.pages[1:]:
        facts = page_facts(page)
        if any(_FIRST.search(line.text) for line in (*facts.top, *facts.bottom)):
            starts.append(page.number)
    ends = (*starts, document.pages[-1].number + 1)
    return tuple(PacketPart(first, last - 1, 1.0) for first, last in pairwise(ends))


SPLITTERS = {"ours": split_packet, "a page each": by_page, "page counters": by_counters}


def scored(judged: Sequence[Judged]) -> Mapping[str, object]:
    """Return the scores with their intervals, [low, high] beside each share."""
    scores: dict[str, object] = dict(packet_scores(judged))
    rng = random.Random(SEED)  # noqa: S311 - as above
    draws = [packet_scores(rng.choices(judged, k=len(judged))) for _ in range(DRAWS)]
    for name, value in packet_scores(judged).items():
        if isinstance(value, float):
            ordered = sorted(draw[name] for draw in draws if name in draw)
            scores[name] = [value, quantile(ordered, 0.025), quantile(ordered, 0.975)]
    return scores
