"""Features that compare labels and values with names of things that the schema may lack."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from pydantic import JsonValue

from chalicelib.extraction.document_reader import DocumentReader
from chalicelib.extraction.feature_names import CANDIDATE_FEATURES
from chalicelib.extraction.label_similarity import LabelComparison
from chalicelib.extraction.label_subwords import ConceptNames, SubwordVectors
from chalicelib.extraction.schema import extraction_schema
from tests.unit.extraction.pages import DrawnPage, drawn_document

CONCEPTS = (
    ConceptNames("text", ("Employer",)),
    ConceptNames("text", ("Nationality",)),
    ConceptNames("code", ("Warehouse",)),
)
VECTORS = SubwordVectors(
    np.random.default_rng(1).integers(-90, 90, (4096, 32)).astype(np.int8), CONCEPTS
)
SCHEMA: Mapping[str, JsonValue] = {
    "type": "object",
    "properties": {
        "employer": {"type": "string", "title": "Employer"},
        "rate": {"type": "number", "title": "VAT %"},
    },
}


def features(page: DrawnPage) -> dict[str, dict[str, dict[str, float]]]:
    """Return by field and text of the candidate its features."""
    reader = DocumentReader(
        extraction_schema(SCHEMA), drawn_document([page]), LabelComparison(subwords=VECTORS)
    )
    return {
        field.leaf.pointer: {
            candidate.text: dict(zip(CANDIDATE_FEATURES, row.tolist(), strict=True))
            for candidate, row in zip(field.candidates, field.features, strict=True)
        }
        for field in reader.unranked()
    }


def test_a_value_that_is_the_label_of_something_else_should_be_told() -> None:
    page = DrawnPage()
    page.row(100, ["Employer", "Nationality"], [50, 200])
    page.row(130, ["Braun Works", "Dutch"], [50, 200])
    found = features(page)["/employer"]
    assert found["Nationality"]["names a concept"] == pytest.approx(1.0, abs=1e-5)
    assert found["Braun Works"]["names a concept"] < 0.8
    assert found["Braun Works"]["of one concept"] == pytest.approx(1.0, abs=1e-5)
    assert found["Braun Works"]["of another concept"] == pytest.approx(0.0, abs=1e-5)


def test_a_nearer_label_of_something_else_should_be_told() -> None:
    page = DrawnPage()
    page.put(50, 100, "Employer")
    page.put(50, 124, "Warehouse")
    page.put(50, 134, "North 7")
    far = features(page)["/employer"]["North 7"]
    assert far["nearer label"] == pytest.approx(1.0, abs=1e-5)


def test_a_share_should_be_told_from_an_amount() -> None:
    page = DrawnPage()
    page.row(100, ["VAT", "21.58"], [50, 200])
    page.row(120, ["VAT %", "19 %"], [50, 200])
    found = features(page)["/rate"]
    assert {text: each["percent asked"] for text, each in found.items()} == {
        "21.58": -1.0,
        "19 %": 1.0,
    }
