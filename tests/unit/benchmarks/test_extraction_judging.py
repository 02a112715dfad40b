"""How extractions are judged: values, rows, evidence, and the figures of confidences."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.extraction_figures import auroc, calibration_error, errors_reviewed, figures
from benchmarks.extraction_judging import is_same, judge
from benchmarks.extraction_real.files import DEVELOPMENT, HELD_OUT, labels, packages_of, real_set
from benchmarks.extraction_theirs import day, labelled, number, rows
from chalicelib.contracts.extractions import Extraction
from chalicelib.contracts.ingest import Page
from chalicelib.contracts.page_words import PageWords, WordBox
from chalicelib.extraction.document import source_document
from chalicelib.extraction.rules import evaluate
from chalicelib.extraction.schema import extraction_schema
from models.datasets.business_documents import (
    GeneratedDocument,
    TrueList,
    TruePlace,
    TrueValue,
    documents,
)
from models.failures import NoDataset
from models.real_files.questions import Package

TEXT = "Total 12.50 EUR"
PAGE = PageWords(
    page=1,
    width=200,
    height=100,
    words=(
        WordBox(0, 5, 10, 10, 40, 20),
        WordBox(6, 11, 50, 10, 80, 20),
        WordBox(12, 15, 85, 10, 99, 20),
    ),
)
DOCUMENT = source_document([Page(page=1, text=TEXT)], [PAGE])
TOTAL = TrueValue("/total", "total", "money", 12.5, (TruePlace(1, "12.50", ((50, 10, 80, 20),)),))
BLANK = TrueValue("/due", "due", "date", None)


def found(
    values: dict[str, Any], start: int = 6, end: int = 11, confidence: float = 0.9
) -> Extraction:
    fields = [
        {
            "pointer": "/total",
            "value": values.get("total"),
            "confidence": confidence,
            "evidence": [{"page": 1, "start": start, "end": end}],
        }
    ]
    return Extraction.model_validate({"status": "complete", "values": values, "fields": fields})


@pytest.mark.parametrize(
    ("kind", "one", "other", "same"),
    [
        ("money", 12.5, 12.50, True),
        ("money", 12.5, -12.5, False),
        ("money", 12.5, "about 12", False),
        ("date", "2025-01-02", "2025-02-01", False),
        ("time", "14:05", "14:05:00", True),
        ("iban", "DE02 1203", "DE021203", True),
        ("phone", "+49 221 123456", "0221 123456", True),
        ("phone", "0221 123456", "12", False),
        ("text", "Müller & Co. KG", "Müller & Co KG", True),
        ("boolean", False, None, False),
        ("text", None, "", False),
    ],
)
def test_values_are_the_same_as_their_kind_has_it(
    kind: str, one: object, other: object, same: bool
) -> None:
    assert is_same(kind, one, other) is same


def test_a_value_needs_its_words_as_evidence_and_a_blank_none() -> None:
    right = judge(found({"total": 12.5, "due": None}), [TOTAL, BLANK], [], DOCUMENT).leaves
    assert [(leaf.right, leaf.grounded, leaf.invented) for leaf in right] == [
        (True, True, False),
        (True, None, False),
    ]
    elsewhere = judge(found({"total": 12.5}, 0, 5), [TOTAL], [], DOCUMENT).leaves
    assert [leaf.grounded for leaf in elsewhere] == [False]
    invented = judge(found({"due": "2025-01-01"}), [BLANK], [], DOCUMENT).leaves
    assert [(leaf.right, leaf.invented) for leaf in invented] == [(False, True)]


def test_a_labelled_place_without_boxes_is_judged_by_its_words() -> None:
    labelled_by_hand = TrueValue("/total", "total", "money", 12.5, (TruePlace(1, "12.50", ()),))
    told = [
        judge(found({"total": 12.5}, start, end), [labelled_by_hand], [], DOCUMENT).leaves[0]
        for start, end in ((6, 11), (0, 5))
    ]
    assert [leaf.grounded for leaf in told] == [True, False]


def lines(*amounts: float) -> TrueList:
    return TrueList(
        "/lines",
        tuple(
            (TrueValue(f"/lines/{at}/amount", "amount", "money", amount),)
            for at, amount in enumerate(amounts)
        ),
    )


def test_rows_are_matched_once_in_their_order() -> None:
    read = {"lines": [{"amount": each} for each in (1, 2, 2, 4, 99)]}
    (judged,) = judge(found(read), [], [lines(1, 2, 3, 4)], DOCUMENT).lists
    assert (judged.true, judged.found, judged.matched, judged.duplicates) == (4, 5, 3, 1)
    told = figures([judge(found(read), [], [lines(1, 2, 3, 4)], DOCUMENT)])
    assert told["rows found"]["value"] == 0.75
    assert told["lists said to be complete that are not"]["value"] == 1.0
    assert told["value F1"]["value"] == pytest.approx(2 * 3 / (5 + 4), abs=1e-4)


def test_confidences_are_measured_against_what_is_right() -> None:
    scores = np.array([0.1, 0.2, 0.8, 0.9, 0.9, 0.95, 0.95, 0.99, 0.99, 0.99])
    right = np.array([False, False, True, True, True, True, True, True, True, True])
    assert auroc(scores, right) == 1.0
    assert auroc(np.full(10, 0.5), right) == 0.5
    assert errors_reviewed(scores, right) == 0.5
    assert errors_reviewed(np.full(10, 0.5), right) == pytest.approx(0.1)
    assert calibration_error(right.astype(float), right) == 0.0
    assert calibration_error(np.full(10, 0.5), right) == pytest.approx(0.3)


def true_values(document: GeneratedDocument) -> dict[str, Any]:
    values: dict[str, Any] = {}
    cells = [cell for each in document.lists for row in each.rows for cell in row]
    for value in (*document.truth, *cells):
        inside: Any = values
        *path, last = value.pointer.split("/")[1:]
        for at, key in enumerate(path):
            follows = (*path, last)[at + 1]
            if key.isdigit():
                while len(inside) <= int(key):
                    inside.append({})
                inside = inside[int(key)]
            else:
                inside = inside.setdefault(key, [] if follows.isdigit() else {})
        exact = isinstance(value.value, int | float) and not isinstance(value.value, bool)
        inside[last] = Decimal(str(value.value)) if exact else value.value
    return values


def test_schemas_of_all_documents_are_ones_that_extraction_takes() -> None:
    ruled = 0
    for document in documents("test", 2, 15, rows=2):
        schema = extraction_schema(dict(document.schema))
        ruled += len(schema.rules)
        values = true_values(document)
        assert all(evaluate(rule, values).holds is not False for rule in schema.rules)
    assert ruled
    for row in [*labels(HELD_OUT), *labels(DEVELOPMENT)]:
        schema = extraction_schema(row["schema"])
        known = {leaf.pointer for leaf in schema.leaves}
        assert {each["pointer"] for each in row["truth"]} <= known, row["file"]
        assert {each["pointer"] for each in row["lists"]} == {each.pointer for each in schema.lists}
        assert all(
            len(cells) == len(each["columns"]) for each in row["lists"] for cells in each["rows"]
        )


def test_the_sets_of_real_files_have_no_package_in_common() -> None:
    held_out, development = packages_of(labels(HELD_OUT)), packages_of(labels(DEVELOPMENT))
    assert held_out
    assert development
    assert not held_out & development


def test_a_set_without_what_its_registries_do_not_give_says_what_is_missing(tmp_path: Path) -> None:
    rows = [row for row in labels(DEVELOPMENT) if row["archive"].endswith(".tgz")][:2]
    bodies = {row["file"]: row["file"].encode() for row in rows}
    for row in rows:
        row |= {"sha256": hashlib.sha256(bodies[row["file"]]).hexdigest(), "archive": row["file"]}
    path = tmp_path / "set.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")

    def fetch(package: Package, folder: Path) -> None:
        if package.archive == rows[1]["file"]:
            raise OSError("no route to the registry")
        with tarfile.open(folder / "archive.tgz", "w") as archive:
            member = tarfile.TarInfo(rows[0]["member"])
            member.size = len(bodies[package.archive])
            archive.addfile(member, io.BytesIO(bodies[package.archive]))

    found = real_set(path, tmp_path / "files", fetch)
    assert [each.body for each in found.documents] == [bodies[rows[0]["file"]]]
    assert list(found.left_out) == [rows[1]["file"]]
    assert "no route to the registry" in found.left_out[rows[1]["file"]]

    def refuse(package: Package, folder: Path) -> None:
        raise OSError("no route")

    with pytest.raises(NoDataset, match=r"No file of set\.jsonl can be had"):
        real_set(path, tmp_path / "others", refuse)


def test_the_peer_reads_what_stands_beside_and_below_a_label() -> None:
    text = ["Invoice no.: A-17", "Due date", "3 May 2025", "Total 1.234,50 EUR"]
    assert labelled(text, "invoiceNo", {"title": "Invoice no."}) == "A-17"
    assert labelled(text, "due_date", {"format": "date"}) == "2025-05-03"
    assert labelled(text, "total", {"type": ["number", "null"]}) == 1234.5
    assert labelled(text, "iban", {}) is None
    assert (number("1,234.50"), number("(12,00)"), day("2025-01-02")) == (
        1234.5,
        -12.0,
        "2025-01-02",
    )
    leaf = {"items": {"properties": {"item": {}, "amount": {"type": "number"}}}}
    tables = [[["Item", "Amount"], ["Bolt", "1,50"]], [["Item", "Amount"], ["Nut", "2,00"]]]
    assert rows(tables, leaf) == [{"item": "Bolt", "amount": 1.5}, {"item": "Nut", "amount": 2.0}]
