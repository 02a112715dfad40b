"""Real invoices of one issuer: each read with the labels that reviews of the others teach.

They are the only files of the set that have an issuer and names of fields in common. Settings were
chosen on drawn documents, and none on these.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from benchmarks.extraction_judging import JudgedDocument, judge
from benchmarks.extraction_reading import read_file
from benchmarks.extraction_real.files import RealDocument, real_set
from chalicelib.extraction.document import Span
from chalicelib.extraction.label_sightings import (
    DocumentSightings,
    ReviewedValue,
    label_sightings,
)
from chalicelib.extraction.learned_labels import learn_labels, with_labels
from chalicelib.extraction.schema import ExtractionSchema, extraction_schema

if TYPE_CHECKING:
    from benchmarks.extraction_ours import OwnExtractor
    from chalicelib.extraction.document import SourceDocument
    from models.datasets.business_documents import TrueValue

INVOICES = (
    "zf_basic_einfach.pdf",
    "zf_comfort_einfach.pdf",
    "zf_comfort_rabatte.pdf",
    "zf_comfort_sepa_prenotification.pdf",
)


def issuer_outcomes(extractor: OwnExtractor) -> dict[str, list[JudgedDocument]]:
    """Return the leaves outside of lists, read without labels and with those of the others."""
    documents = [each for each in real_set().documents if each.name in INVOICES]
    read = [read_file(each.name, each.body).document for each in documents]
    schemas = [extraction_schema(dict(each.schema)) for each in documents]
    sightings = [_sightings(*each) for each in zip(documents, read, schemas, strict=True)]
    found: dict[str, list[JudgedDocument]] = {"before": [], "reviewed": []}
    for at, (of, pages, schema) in enumerate(zip(documents, read, schemas, strict=True)):
        labels = learn_labels([*sightings[:at], *sightings[at + 1 :]])
        for name, asked in (("before", schema), ("reviewed", with_labels(schema, labels))):
            values = extractor.extractor.extract(asked, pages)
            leaves = judge(values, of.truth, of.lists, pages).leaves
            found[name].append(
                JudgedDocument(tuple(leaf for leaf in leaves if not leaf.in_list), ())
            )
    return found


def _sightings(
    of: RealDocument, read: SourceDocument, schema: ExtractionSchema
) -> DocumentSightings:
    values = [ReviewedValue(each.pointer, each.value, _place(each, read)) for each in of.truth]
    return label_sightings(of.name, read, schema, values)


def _place(value: TrueValue, read: SourceDocument) -> tuple[Span, ...]:
    """Return where a value stands, () if it stands at several places: its label says which."""
    if not value.places:
        return ()
    page, raw = value.places[0].page, value.places[0].raw
    found = [match.start() for match in re.finditer(re.escape(raw), read.page(page).text)]
    return (Span(page, found[0], found[0] + len(raw)),) if len(found) == 1 else ()
