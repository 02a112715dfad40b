"""The steps that the benchmarks take, on small files and with the real models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import memory_ours
from benchmarks.folder_objects import FolderObjects
from benchmarks.ingest_ours import Ingest
from benchmarks.memory import write_csv
from benchmarks.real_pages import KINDS, Page

PAGES: list[Page] = [
    [("Weir", "A wall across the river holds the water back."), ("Sluice", "A gate in it.")],
    [("Turbine", "A wheel in a pipe that the water turns; it was made in the year 1911.")],
]


def ticking() -> Iterator[float]:
    """Count seconds, one at every look."""
    second = 0.0
    while True:
        second += 1.0
        yield second


@pytest.mark.parametrize("ending", KINDS)
def test_a_file_should_be_found_when_it_was_taken_in(
    tmp_path: Path, models_pulled: Path, ending: str
) -> None:
    path = tmp_path / f"plant.{ending}"
    path.write_bytes(KINDS[ending](PAGES))
    seconds = ticking()
    ingest = Ingest(models_pulled, tmp_path / "kept", lambda: next(seconds))
    done = ingest.file(path, 1, "When was the turbine made?")
    assert done["found"]
    assert done["pages"] == 2
    assert done["chunks"] >= 2
    assert done["tokens"] > 2 * done["chunks"]
    assert all(spent > 0 for spent in done["seconds"].values())


@pytest.mark.slow
def test_a_large_table_should_be_planned_read_and_chunked(
    tmp_path: Path, models_pulled: Path
) -> None:
    path = tmp_path / "made.csv"
    write_csv(path, 2_500_000, [entry for page in PAGES for entry in page])
    objects = FolderObjects(tmp_path / "kept")
    upload = objects.path(memory_ours.BUCKET, memory_ours.KEY)
    upload.parent.mkdir(parents=True)
    upload.hardlink_to(path)
    planned = memory_ours.plan(path, objects)
    parts, pages = planned["parts"], planned["pages"]
    assert parts > 1
    chosen = memory_ours.planned(objects, parts)
    assert sum(part.pages for part in chosen) == pages
    read = memory_ours.read(path, objects, parts)
    cut = memory_ours.chunk(models_pulled, objects, parts, pages)
    for part in memory_ours.some(chosen):
        name = f"documents/bench/doc_1/v_1/parts/{part.part:04d}"
        assert objects.read("files", f"{name}/pages.jsonl").count(b"\n") == part.pages
        assert objects.read("files", f"{name}/chunks.jsonl").count(b"\n") >= part.pages
    assert all(0 < told["before"] <= told["peak"] for told in (planned, read, cut))
