"""Files that mean harm: each is refused with a reason or read harmlessly, within bounded memory.

All are read one after the other by one process, as a warm function does, which ends at once where
one of them asks the network or starts a program.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from functions.read_document.extraction import extract
from functions.read_document.file_types.formats import Identify
from tests.cloud import PROJECT
from tests.data.formats import golden, make_bombs, make_costly, make_hostile, make_texts
from tests.once import once

MEBIBYTE = 1024
"""Kibibytes, in which Linux counts memory."""
MOST = 1280 * MEBIBYTE
"""What reading may hold at most; the function has 1,769 MiB."""
SECONDS = 110

MACROS = ("Unsupported", "carries macros")
DAMAGED = ("InvalidInput", "damaged")
UNSAFE = ("InvalidInput", "not safe to read")
SWOLLEN = ("InvalidInput", "times its size")
LINE = ("Unsupported", "more than 1 MiB")

FATES: dict[str, tuple[str, str]] = {
    "absolute.zip": UNSAFE,
    "archive.docx": ("read", "application/zip, 1 pages, 1 files"),
    "bomb.docx": SWOLLEN,
    "bomb.epub": SWOLLEN,
    "bomb.pdf": ("read", "application/pdf, 1 pages"),
    "bomb.xlsx": SWOLLEN,
    "bomb.zip": SWOLLEN,
    "carrier.pdf": ("read", "1 pages, 0 files"),
    "circular.pdf": DAMAGED,
    "claims-2-gb.rtf": DAMAGED,
    "claims-4-gb.zip": ("Unsupported", "more than 256 MiB"),
    "claims-5-gb.pdf": ("read", "application/pdf, 1 pages"),
    "cut.json": ("InvalidInput", "line 4, column 1"),
    "cut.jsonl": ("read", "1 pages"),
    "cut.xml": ("InvalidInput", "line 2, column 13"),
    "cut.zip": DAMAGED,
    "deep-objects.json": ("InvalidInput", "more than 64 deep"),
    "deep.docx": DAMAGED,
    "deep.html": ("InvalidInput", "more than 512 deep"),
    "deep.json": ("InvalidInput", "more than 64 deep"),
    "deep.jsonl": ("read", "text/plain, 1 pages"),
    "deep.md": ("InvalidInput", "more than 64 levels deep"),
    "deep.pdf": ("InvalidInput", "holds no text"),
    "deep.pptx": DAMAGED,
    "deep.rtf": ("InvalidInput", "more than 1000 deep"),
    "deep.xml": ("InvalidInput", "more than 64 deep"),
    "empty.zip": ("InvalidInput", "holds no files"),
    "endless.eml": ("read", "1 pages"),
    "endless.pdf": ("read", "application/pdf, 1 pages"),
    "escapes.txt": ("read", "text/plain, 1 pages"),
    "escaping.epub": ("read", "1 pages, 0 files"),
    "external.docx": UNSAFE,
    "external.odp": UNSAFE,
    "external.xml": ("Unsupported", "document type"),
    "formula.csv": ("read", "text/csv, 1 pages"),
    "giant.pdf": ("read", "application/pdf, 1 pages"),
    "hidden-macros.xlsx": MACROS,
    "laughs.epub": UNSAFE,
    "laughs.odt": UNSAFE,
    "laughs.pptx": UNSAFE,
    "laughs.xlsx": UNSAFE,
    "laughs.xml": ("Unsupported", "document type"),
    "launch.pdf": ("read", "application/pdf, 1 pages"),
    "linked.docx": ("read", "wordprocessingml.document, 2 pages"),
    "litter.zip": ("InvalidInput", "holds no files"),
    "locked.docx": ("Unsupported", "password"),
    "locked.epub": ("Unsupported", "DRM"),
    "macros.docm": MACROS,
    "macros.docx": MACROS,
    "macros.odt": MACROS,
    "macros.pptm": MACROS,
    "macros.xlsm": MACROS,
    "million-pages.pdf": ("Unsupported", "1000000 pages"),
    "nested.eml": ("Unsupported", "the limit is 100"),
    "nested.zip": ("read", "application/zip, 1 pages, 1 files"),
    "nul.csv": ("Unsupported", "not readable text"),
    "nul.tsv": ("read", "text/tab-separated-values, 1 pages"),
    "object.rtf": ("read", "application/rtf, 1 pages"),
    "one-line.js": ("read", "text/x-javascript, 1 pages"),
    "overlapping.zip": SWOLLEN,
    "paths.json": ("read", "application/json, 1 pages"),
    "picture.pdf": ("read", "image/png, 1 pages"),
    "program.txt": ("Unsupported", "program"),
    "ragged.csv": ("read", "text/csv, 1 pages"),
    "ragged.tsv": ("read", "text/tab-separated-values, 1 pages"),
    "script.html": ("read", "text/html, 1 pages"),
    "script.pdf": ("read", "application/pdf, 1 pages"),
    "traversal.pptx": UNSAFE,
    "traversal.zip": UNSAFE,
    "trojan.js": ("read", "text/x-javascript, 1 pages"),
    "wide.ods": ("Unsupported", "2,000,000 filled cells"),
    "zeros.txt": ("Unsupported", "The content is"),
}
BOMBS: dict[str, tuple[str, str]] = {
    "deep.json": ("Unsupported", "the limit is 8,000,000"),
    "empty.docx": ("InvalidInput", "The file is empty"),
    "five-gigabytes.pdf": ("InvalidInput", "The file has 5120.0 MiB; the limit is 1024.0 MiB"),
    "full.docx": ("read", "wordprocessingml.document"),
    "headers.eml": ("read", "text/plain"),
    "line.csv": LINE,
    "line.jsonl": LINE,
    "line.txt": ("read", "text/plain"),
    "long.docx": ("Unsupported", "more than 48 MiB"),
    "open.html": ("InvalidInput", "more than 512 deep"),
    "open.rtf": DAMAGED,
    "open.xml": ("InvalidInput", "more than 64 deep"),
    "quote.csv": LINE,
    "stream.pdf": ("read", "application/pdf, 1 pages"),
    "zeros.docx": SWOLLEN,
    "zeros.epub": SWOLLEN,
    "zeros.txt": ("Unsupported", "The content is"),
    "zeros.zip": ("Unsupported", "more than 256 MiB"),
}
COSTLY = {
    "attributes.html": "1 s of processor time",
    "brackets.md": "1 s of processor time",
    "cells.ods": "512 MiB of memory|1 s of processor time",
    "forms.pdf": "512 MiB of memory|1 s of processor time",
    "marks.txt": "1 s of processor time",
}
"""The budget of each small file that costs much; a fast machine meets one before the other."""
FORMATS = [
    "csv",
    "tsv",
    "json",
    "jsonl",
    "xml",
    "docx",
    "pptx",
    "xlsx",
    "odt",
    "odp",
    "ods",
    "rtf",
    "eml",
    "epub",
    "zip",
    "pdf",
    "html",
    "md",
    "txt",
]


@dataclass(frozen=True)
class Fate:
    outcome: str
    told: str
    peak: int


def fates_of(paths: list[Path], *options: str) -> dict[str, Any]:
    """Read files in a process of their own; return what became of them by name, a `Fate` each."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.data.formats.read_hostile", *options, *map(str, paths)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    if done.returncode:
        pytest.fail(f"the process ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line.pop("name"): line for line in lines}


@pytest.fixture(scope="module")
def fates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Fate]:
    """What becomes of every hostile sample, found out once a run."""

    def read() -> dict[str, Any]:
        return fates_of(sorted(make_texts.HOSTILE.iterdir()))

    return _fates(once(tmp_path_factory, "hostile-samples", read))


@pytest.fixture(scope="module")
def bombs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Fate]:
    """What becomes of every bomb, found out once a run."""

    def read() -> dict[str, Any]:
        return fates_of(make_bombs.write(tmp_path_factory.mktemp("bombs")))

    return _fates(once(tmp_path_factory, "bombs", read))


def _fates(told: Mapping[str, Any]) -> dict[str, Fate]:
    return {name: Fate(**each) for name, each in told.items()}


def test_every_hostile_sample_should_be_the_one_that_its_maker_makes() -> None:
    made = {**make_texts.hostile(), **make_hostile.hostile()}
    assert sorted(made) == sorted(FATES)
    assert {path.name: path.read_bytes() for path in make_texts.HOSTILE.iterdir()} == made


@pytest.mark.parametrize(("sample", "hostile"), [*zip(FORMATS, FORMATS, strict=True), ("go", "js")])
def test_every_format_should_have_a_sample_with_its_golden_result_and_a_hostile_one(
    sample: str, hostile: str
) -> None:
    kept = {path.stem for path in golden.GOLDEN.iterdir()}
    assert kept & {path.name for path in golden.HERE.iterdir() if path.suffix == f".{sample}"}
    assert [name for name in FATES if name.endswith(f".{hostile}")]


@pytest.mark.parametrize("name", sorted(FATES))
def test_a_hostile_sample_should_be_refused_with_a_reason_or_read(
    name: str, fates: dict[str, Fate]
) -> None:
    outcome, words = FATES[name]
    assert fates[name].outcome == outcome, fates[name].told
    assert words in fates[name].told


@pytest.mark.parametrize("name", sorted(BOMBS))
def test_a_bomb_should_be_refused_with_a_reason_or_read_in_parts(
    name: str, bombs: dict[str, Fate]
) -> None:
    outcome, words = BOMBS[name]
    assert bombs[name].outcome == outcome, bombs[name].told
    assert words in bombs[name].told


def test_no_hostile_file_should_take_more_memory_than_the_function_has(
    fates: dict[str, Fate], bombs: dict[str, Fate]
) -> None:
    assert sorted(bombs) == sorted(make_bombs.BOMBS) == sorted(BOMBS)
    peaks = {name: fate.peak for name, fate in (*fates.items(), *bombs.items())}
    assert max(peaks.values()) < MOST, peaks


def test_a_small_file_should_not_cost_more_than_its_budget(tmp_path: Path) -> None:
    fates = _fates(fates_of(make_costly.write(tmp_path), "--cpu-seconds", "1"))
    assert sorted(fates) == sorted([*COSTLY, "styles.odt"])
    assert fates["styles.odt"].outcome == "read", fates["styles.odt"].told
    for name, budgets in COSTLY.items():
        assert fates[name].outcome == "Unsupported", (name, fates[name].told)
        assert re.search(f"more than (the )?({budgets})", fates[name].told)


@pytest.mark.parametrize(
    ("name", "seen", "unseen"),
    [
        ("script.html", "Seen.", "alert|Not seen|127.0.0.1"),
        ("script.pdf", "this page is read", "alert"),
        ("launch.pdf", "Only this is text.", "/bin/sh|127.0.0.1"),
        ("carrier.pdf", "See the file within.", "hidden"),
        ("object.rtf", "Seen, too.", "d0cf11e0|INCLUDETEXT|127.0.0.1"),
        ("linked.docx", "Maintenance plan 2026", "127.0.0.1"),
        ("trojan.js", "the gate is shut", "\u202e|\u2066|\u2069|\u200b"),
        ("escapes.txt", "open", "\x1b|\x08|\x07"),
        ("nul.tsv", "Basel", "\0"),
        ("formula.csv", "=cmd", "\0"),
        ("escaping.epub", "", "root:"),
    ],
)
def test_what_a_hostile_file_hides_should_not_be_in_its_text(
    name: str, seen: str, unseen: str, identify: Identify
) -> None:
    found = extract((make_texts.HOSTILE / name).read_bytes(), name, identify)
    text = "".join(page.text for page in found.pages)
    assert seen in text
    assert [word for word in unseen.split("|") if word in text] == []
