"""The peer of extraction in an environment of its own, `.venv-extraction`, asked by a pipe."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.bench_environment import ALONE
from models.datasets.business_documents import GeneratedDocument

PROJECT = Path(__file__).resolve().parent.parent
FOLDER = PROJECT / ".venv-extraction"
PINNED = ("pdfplumber==0.11.10", "python-dateutil==2.9.0.post0")
SCRIPT = Path(__file__).with_name("extraction_theirs.py")


def interpreter() -> Path:
    """Return the environment's Python; create or update the environment first if needed."""
    python, made_from = FOLDER / "bin" / "python", FOLDER / "made-from"
    if made_from.is_file() and made_from.read_text() == " ".join(PINNED):
        return python
    subprocess.run([sys.executable, "-m", "venv", str(FOLDER)], check=True, timeout=120)
    install = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*install, *PINNED], check=True, timeout=600)
    made_from.write_text(" ".join(PINNED))
    return python


class PlumberPeer:
    """pdfplumber with regular expressions and tables."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process = process
        self._file = folder / "document.pdf"

    def extract(self, pdf: bytes, schema: Mapping[str, Any]) -> tuple[Mapping[str, Any], float]:
        """Return the values that it finds, and the CPU seconds it took.

        Raises:
            RuntimeError: it ended.
        """
        self._file.write_bytes(pdf)
        request = json.dumps({"path": str(self._file), "schema": schema})
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("The peer has no pipes.")
        self._process.stdin.write(f"{request}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("The peer ended before it answered.")
        answer = json.loads(line)
        return answer["values"], answer["seconds"]


def told_labels(document: GeneratedDocument) -> dict[str, Any]:
    """Return the schema of a document with the labels that the document itself has as synonyms."""
    schema: dict[str, Any] = copy.deepcopy(dict(document.schema))
    cells = [cell for each in document.lists for row in each.rows[:1] for cell in row]
    for value in (*document.truth, *cells):
        leaf: dict[str, Any] = schema
        for key in value.pointer.split("/")[1:]:
            leaf = leaf["items"] if key.isdigit() else leaf["properties"][key]
        label = document.labels.get(value.concept)
        if label:
            leaf["x-synonyms"] = [*leaf.get("x-synonyms", ()), label]
    return schema


@contextmanager
def plumber_peer() -> Iterator[PlumberPeer]:
    """Run the peer for as long as the block lasts."""
    command = [str(interpreter()), str(SCRIPT)]
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(ALONE)
        )
        try:
            yield PlumberPeer(process, Path(folder))
        finally:
            process.kill()
            process.wait(timeout=10)
