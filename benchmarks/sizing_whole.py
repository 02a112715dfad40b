"""Memory for reading files that can only be read whole, near the size limits.

Each is read in a process of its own: in a stage, their passages would be embedded for hours.
"""

from __future__ import annotations

import html
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from itertools import cycle
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import docx

from benchmarks import real_pages
from benchmarks.bench_environment import ALONE
from benchmarks.memory_ours import BUCKET, KEY
from functions.read_document import extraction
from functions.read_document.office.opc import MAX_PART_BYTES
from functions.read_document.text.json_values import MAX_CHARACTERS
from tests.cloud import PROJECT

MODELS = PROJECT / "models" / "cache"
NEARLY = 0.95
"""Of the size that is refused."""
PATIENCE_S = 400
ENTRIES_A_PAGE = 1000
_MARK = "Everything comes here."


def peaks_of_whole_files() -> Mapping[str, float]:
    """Return the peak resident memory of reading each, in MiB, with libraries and models.

    Raises:
        CalledProcessError: one of them was not read.
    """
    with tempfile.TemporaryDirectory(prefix="headrace-whole-") as made:
        folder = Path(made)
        files = (_json(folder / "whole.json"), _docx(folder / "whole.docx"))
        return {file.suffix: _peak(file, folder / f"of{file.suffix}") for file in files}


def _peak(file: Path, folder: Path) -> float:
    upload = folder / BUCKET / KEY
    upload.parent.mkdir(parents=True)
    upload.hardlink_to(file)
    command = [sys.executable, "-m", "benchmarks.memory_ours", "plan"]
    said = subprocess.run(
        [*command, str(file), str(folder), str(MODELS)],
        cwd=PROJECT,
        env={**os.environ, **ALONE},
        capture_output=True,
        check=True,
        timeout=PATIENCE_S,
    ).stdout
    return round(float(json.loads(said)["peak"]))


def _entries() -> Iterator[tuple[int, str, str]]:
    entries = [entry for page in real_pages.pages(100) for entry in page]
    for number, (name, text) in enumerate(cycle(entries)):
        yield number, name, " ".join(text.split())


def _json(path: Path) -> Path:
    """Write one array of records, of nearly the maximum characters of JSON."""
    records: list[dict[str, object]] = []
    room = MAX_CHARACTERS * NEARLY
    for number, name, text in _entries():
        record = {"number": number, "name": name, "text": text}
        room -= len(json.dumps(record, ensure_ascii=False)) + 2
        if room < 0:
            break
        records.append(record)
    path.write_text(json.dumps(records, ensure_ascii=False))
    return path


def _docx(path: Path) -> Path:
    """Write a document of nearly the maximum text."""
    empty, document = io.BytesIO(), docx.Document()
    document.add_paragraph(_MARK)
    document.save(empty)
    written: list[str] = []
    room = min(MAX_PART_BYTES, extraction.MAX_CHARACTERS) * NEARLY
    for number, name, text in _entries():
        told = html.escape(f"{number}. {name}: {text}", quote=False)
        room -= len(told.encode()) + 40
        if room < 0:
            break
        written.append(f"<w:p><w:r><w:t>{told}</w:t></w:r></w:p>")
        if number % ENTRIES_A_PAGE == ENTRIES_A_PAGE - 1:
            written.append('<w:p><w:r><w:br w:type="page"/></w:r></w:p>')
    mark = f"<w:p><w:r><w:t>{_MARK}</w:t></w:r></w:p>".encode()
    with ZipFile(empty) as source, ZipFile(path, "w", ZIP_DEFLATED) as target:
        for item in source.infolist():
            content = source.read(item).replace(mark, "".join(written).encode())
            target.writestr(item.filename, content)
    return path
