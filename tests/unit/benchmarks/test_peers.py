from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import ingest, ingest_cloud, real_pages, search
from benchmarks.memory import write_csv
from benchmarks.memory_ours import SAMPLED, some
from benchmarks.memory_peak import before_and_peak, begin, mebibytes
from benchmarks.search_corpus import unit_vectors
from chalicelib.contracts.parts import Part
from chalicelib.inference.embedder import DIMENSIONS


def done(seconds: float, chunks: int) -> dict[str, Any]:
    parts = dict.fromkeys(ingest.PARTS, seconds / len(ingest.PARTS))
    return {"pages": 40, "wall": 8.0, "chunks": chunks, "tokens": 2000, "seconds": parts}


def test_rates_should_be_compared_pair_by_pair() -> None:
    runs = {
        (kind, side): [done(seconds, 80), done(2 * seconds, 120)]
        for kind in real_pages.KINDS
        for side, seconds in ((ingest.OURS, 2.0), (ingest.THEIRS, 10.0), (ingest.GIVEN, 3.0))
    }
    measured, ratios, facts = ingest.compared(runs)
    assert measured["pdf, ours"].high == pytest.approx(20)
    assert measured["pdf, ours"].low == pytest.approx(10)
    assert measured["docx, LlamaIndex, by the clock"].median == pytest.approx(5)
    assert measured["pdf, ours, read"].high == pytest.approx(1000 * 4.0 / 5 / 40)
    assert ratios["pdf, ours against LlamaIndex"] == pytest.approx(5)
    assert ratios["docx, ours against LlamaIndex, our embedder"] == pytest.approx(1.5)
    assert facts["pdf, ours, chunks a page"] == 2.5


def test_a_receipt_should_be_added_up_by_what_it_was_for() -> None:
    line = {"role": "reading", "model": "lambda", "dollars": "0.000002"}
    other = {"role": "indexing", "model": "s3-vectors", "dollars": "0.000003"}
    document = {"receipt": {"dollars": "0.000007", "lines": [line, other, line]}}
    assert ingest_cloud.dollars(document) == Decimal("0.000007")
    assert ingest_cloud.lines(document) == {
        "reading: lambda": Decimal("0.000004"),
        "indexing: s3-vectors": Decimal("0.000003"),
    }


def test_vectors_should_be_of_unit_length_and_the_same_again() -> None:
    found = unit_vectors(500, 20)
    assert found.shape == (20, DIMENSIONS)
    assert np.linalg.norm(found, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert (found == unit_vectors(500, 20)).all()
    assert (found != unit_vectors(1000, 20)).any()


def test_every_turn_should_be_taken_with_every_number() -> None:
    taken: list[tuple[str, int]] = []
    turns: dict[str, search.Turn] = {
        name: lambda number, name=name: taken.append((name, number))  # type: ignore[misc]
        for name in ("scan", "engine", "search")
    }
    seconds = search.timed(turns, 4)
    assert {name: len(each) for name, each in seconds.items()} == dict.fromkeys(turns, 4)
    assert sorted(taken) == sorted((name, number) for name in turns for number in range(4))
    assert [name for name, number in taken if number == 1] == ["engine", "search", "scan"]


def test_parts_should_be_taken_from_the_whole_length() -> None:
    parts = [Part(part=number, first_page=number, pages=1) for number in range(1, 101)]
    assert [part.part for part in some(parts)] == [1, 25, 50, 75, 100]
    assert some(parts[:SAMPLED]) == parts[:SAMPLED]


def test_memory_should_be_told_in_mebibytes() -> None:
    status = "Name:\tpython\nVmHWM:\t  4096 kB\nVmRSS:\t  2048 kB\n"
    assert (mebibytes(status, "VmRSS"), mebibytes(status, "VmHWM")) == (2.0, 4.0)


def test_only_what_was_held_since_the_beginning_should_count() -> None:
    taken = bytearray(b"x" * 64 * 1024**2)
    del taken
    before = begin()
    quiet = before_and_peak(before)["peak"]
    assert quiet < before + 16
    taken = bytearray(b"x" * 64 * 1024**2)
    assert before_and_peak(before)["peak"] > before + 48
    del taken


def test_a_csv_should_have_the_size_and_the_columns_that_were_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "made.csv"
    write_csv(path, 50_000, [("Weir, old", 'A "wall"\n\nacross a river'), ("Sluice", "A gate")])
    assert 50_000 <= len(path.read_text()) < 50_300
    with path.open() as file:
        head, first, *rest = csv.reader(file)
    assert head == ["number", "day", "name", "text"]
    assert first == ["0", "2026-01-01", "Weir, old", 'A "wall" across a river']
    assert {len(row) for row in rest} == {4}
