"""Generated business documents: what they say is true stands where they say."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import numpy as np
import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.datasets.business_documents import KINDS, GeneratedDocument, TrueValue, documents
from models.datasets.business_documents.designs import DESIGNS, DocumentKind, Split
from models.datasets.business_documents.documents import series
from models.datasets.business_documents.random_designs import random_document
from models.datasets.business_documents.scans import scanned
from models.datasets.business_documents.sheet import Sheet
from models.datasets.business_documents.wordings import wordings

LANGUAGES = ("de", "en", "es", "fr", "it", "nl", "pt")


def values(document: GeneratedDocument) -> Iterator[TrueValue]:
    yield from document.truth
    for found in document.lists:
        for row in found.rows:
            yield from row


def squeezed(text: str) -> str:
    return "".join(text.split())


def shown(document: GeneratedDocument) -> Iterator[tuple[str, str]]:
    """Yield the text of each place, and what a reader of PDFs finds in its boxes."""
    pdf = pypdfium2.PdfDocument(document.pdf)
    pages = [(page.get_textpage(), page.get_height()) for page in pdf]
    for value in values(document):
        for place in value.places:
            text, height = pages[place.page - 1]
            boxes = [
                text.get_text_bounded(left + 0.4, height - bottom + 1, right - 0.4, height - top)
                for left, top, right, bottom in place.boxes
            ]
            yield squeezed(place.raw), squeezed("".join(boxes))


def test_a_series_should_have_one_schema_and_one_wording_of_a_thing() -> None:
    design = next(each for each in DESIGNS if each.name == "form_banded")
    drawn = list(series(design, "test", "a sender", 4))
    assert all(each.schema == drawn[0].schema for each in drawn)
    assert len({each.pdf for each in drawn}) == 4
    called: dict[str, set[str]] = {}
    for document in drawn:
        for concept, label in document.labels.items():
            called.setdefault(concept, set()).add(label)
    assert all(len(labels) == 1 for labels in called.values())
    assert max(len(each.labels) for each in drawn) > min(len(each.labels) for each in drawn)


@pytest.mark.parametrize("split", ["train", "validation", "test", "lists"])
def test_every_value_stands_in_its_boxes(split: Split) -> None:
    designs = {each.name for each in DESIGNS if each.split == split}
    seen, blanks, wrong = set(), 0, []
    for document in documents(split, seed=3, count=35, rows=4):
        seen.add(document.template)
        wrong += [pair for pair in shown(document) if pair[0] not in pair[1]]
        absent = [each for each in values(document) if each.value is None]
        blanks += len(absent)
        assert all(each.places == () for each in absent)
        assert document.schema["type"] == "object"
    assert wrong == []
    assert designs <= seen
    assert blanks > 35


@given(kind=st.sampled_from(KINDS), seed=st.integers(0, 10_000))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_random_designs_are_legible_and_every_value_stands_in_its_boxes(
    kind: DocumentKind, seed: int
) -> None:
    document = random_document(kind, f"test/{seed}")
    assert [pair for pair in shown(document) if pair[0] not in pair[1]] == []
    assert any(each.value is not None for each in values(document))
    assert document.kind == kind


def test_texts_that_hide_each_other_or_leave_the_page_are_not_legible() -> None:
    for places, legible in (
        (((40, 40), (40, 60)), True),
        (((40, 40), (60, 44)), False),
        (((590, 40),), False),
        (((40, -3),), False),
    ):
        sheet = Sheet("helvetica")
        sheet.add_page()
        for x, y in places:
            sheet.write(x, y, "Total due")
        assert sheet.is_legible() is legible


def test_boxes_turn_with_a_scan() -> None:
    """Ink is where values are said to stand, however the page lies."""
    (document,) = documents("train", 1, 1, ("invoice",), rows=2)
    for seed in ("1", "6"):
        scan = scanned(document, seed)
        (page,) = pypdfium2.PdfDocument(scan.pdf)
        grey = np.asarray(page.render(scale=1).to_pil().convert("L"), np.float32)
        darkness = []
        for value in values(scan):
            for place in value.places:
                for left, top, right, bottom in place.boxes:
                    inside = grey[int(top) : int(bottom) + 1, int(left) : int(right) + 1]
                    darkness.append(float(inside.min()))
        assert np.median(darkness) < np.median(grey) - 60
        assert np.max(darkness) < np.median(grey) - 20


def test_equal_seeds_give_equal_documents_and_rows_go_over_pages() -> None:
    (first,) = documents("train", 5, 1, ("statement",), rows=150)
    (again,) = documents("train", 5, 1, ("statement",), rows=150)
    (other,) = documents("train", 6, 1, ("statement",), rows=150)
    assert first == again
    assert other.pdf != first.pdf
    assert first.pages > 1
    assert [len(each.rows) for each in first.lists] == [150]


def test_the_sums_of_an_invoice_add_up() -> None:
    for document in documents("train", 8, 6, ("invoice",)):
        found = {
            each.concept: Decimal(str(each.value))
            for each in document.truth
            if each.kind == "money" and each.value
        }
        if {"subtotal", "tax_amount", "total"} <= found.keys():
            assert found["subtotal"] + found["tax_amount"] == found["total"]


def test_wordings_of_tests_are_none_of_training() -> None:
    for language in LANGUAGES:
        for concept, (known, held_out) in wordings(language).items():
            assert known, (language, concept)
            assert set(known).isdisjoint(held_out), (language, concept)
