"""What each entry point may load, since a cold start pays for every import.

A fresh process each time: what this one has loaded by now says nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

import pytest

from tests.architecture.ingest_definition import ROOT
from tests.unit.functions.read_document.files import pdf

MODELS = ("magika", "numpy", "onnxruntime", "tokenizers")
READERS = ("charset_normalizer", "markdown_it", "pypdfium2", "selectolax")
RECOGNISING = ("rapidocr", "cv2", "charset_normalizer", "markdown_it", "selectolax")
CLIENTS = ("boto3", "s3transfer", "urllib3")
BUDGETS: Mapping[str, Sequence[str]] = {
    "app": (*MODELS, *READERS, *CLIENTS),
    "functions.read_document.handler": (*MODELS, *READERS, "chalice"),
    "functions.chunk_document.handler": ("magika", "onnxruntime", *READERS, "chalice"),
    "functions.embed_chunks.handler": ("magika", "onnxruntime", *READERS, "chalice"),
    "functions.gather_parts.handler": (*MODELS, *READERS, "chalice"),
    "functions.recognise_pages.handler": (*MODELS, *RECOGNISING, "chalice"),
    "functions.stream_answer.handler": (*MODELS, *READERS, *CLIENTS, "chalice"),
    "functions.check_support.handler": ("magika", "onnxruntime", *READERS, *CLIENTS, "chalice"),
    "functions.rerank_passages.handler": ("magika", "onnxruntime", *READERS, *CLIENTS, "chalice"),
    "functions.reembed_passages.handler": ("magika", "onnxruntime", *READERS, "chalice"),
    "functions.export_documents.handler": (*MODELS, *READERS, "chalice"),
    "functions.remove_data.handler": (*MODELS, *READERS, "chalice"),
    "functions.reindex_tenant.handler": (*MODELS, *READERS, "chalice"),
    "functions.embed_text.handler": ("magika", "onnxruntime", *READERS, *CLIENTS, "chalice"),
}
"""By entry point: the packages that importing it must not load."""

READ = """
from functions.read_document.extract import extract
from functions.read_document.magic import identify
read = extract(sys.stdin.buffer.read(), sys.argv[1], identify)
assert read.media_type == sys.argv[2], read.media_type
"""
TELL = "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
PLAIN = b"The turbine stands still on Sundays, and the office opens at nine o'clock.\n" * 5
PAGE = b"<!doctype html><html><body><h1>Turbine</h1><p>It stands still.</p></body></html>"
HANDBOOK = b"# Turbine\n\nPress *start*, then wait for `GREEN`.\n\n- one\n- two\n"


def loaded_by(script: str, *arguments: str, given: bytes = b"") -> frozenset[str]:
    """Return the packages that a new process has loaded once it has run `script`."""
    done = subprocess.run(
        [sys.executable, "-c", f"import json, sys\n{script}\n{TELL}", *arguments],
        cwd=ROOT,
        env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        input=given,
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()
    return frozenset(json.loads(done.stdout))


def test_every_entry_point_has_a_budget() -> None:
    handlers = (ROOT / "functions").glob("*/handler.py")
    names = {f"functions.{handler.parent.name}.handler" for handler in handlers}
    assert set(BUDGETS) == {"app", *names}


@pytest.mark.parametrize("entry_point", BUDGETS)
def test_an_entry_point_loads_nothing_beyond_its_budget(entry_point: str) -> None:
    loaded = loaded_by(f"import {entry_point}")
    assert not loaded.intersection(BUDGETS[entry_point])


@pytest.mark.parametrize(
    ("content", "path", "media_type", "readers"),
    [
        (PLAIN, "a.txt", "text/plain", set()),
        (PAGE, "a.html", "text/html", {"selectolax"}),
        (HANDBOOK, "a.md", "text/markdown", {"markdown_it", "selectolax"}),
        (pdf("Turbine"), "a.pdf", "application/pdf", {"pypdfium2"}),
    ],
    ids=["plain", "html", "markdown, which may hold html", "pdf"],
)
def test_reading_a_file_loads_no_reader_of_another_format(
    content: bytes, path: str, media_type: str, readers: set[str]
) -> None:
    loaded = loaded_by(READ, path, media_type, given=content)
    assert loaded.intersection(READERS) == readers


def test_a_file_with_the_mark_of_a_pdf_is_read_without_asking_the_model() -> None:
    loaded = loaded_by(READ, "a.pdf", "application/pdf", given=pdf("Turbine"))
    assert not loaded.intersection(MODELS)
