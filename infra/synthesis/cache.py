"""Cache of templates, synthesised in a child process and keyed by a hash of their inputs.

Importing an app changes the interpreter that does it, so `python -m infra.synthesis` is run as a
child. That takes two seconds of a processor, and hashing its sources some hundredths.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path("build") / "templates"
SOURCES = (
    "app.py",
    ".chalice/*",
    "chalicelib/**/*",
    "functions/**/*",
    "infra/**/*",
    "models/*.json",
    "statemachines/*",
)
"""Patterns of the project's files that a template may depend on."""

_TRANSLATORS = ("aws-sam-translator", "botocore", "chalice", "pydantic")
_MAX_ENTRIES = 32
_TIMEOUT_S = 120
_log = logging.getLogger(__name__)


class SynthesisError(Exception):
    """Raised when `infra.synthesis` refuses the project; the message is its output."""


def cached_synthesis(project: Path, *options: str) -> str:
    """Return what `python -m infra.synthesis` prints for `project` with `options`, as JSON.

    A cached output is returned if no source, translator or option has changed since.

    Raises:
        SynthesisError: The template cannot be made.
    """
    folder = project / FOLDER
    entry = folder / f"{_key(project, options)}.json"
    try:
        output = entry.read_text()
        os.utime(entry, (time.time(), time.time()))
    except OSError:
        output = _synthesise(project, options)
        _keep(entry, output)
    return output


def _synthesise(project: Path, options: tuple[str, ...]) -> str:
    command = [
        sys.executable,
        "-m",
        "infra.synthesis",
        "--project",
        str(project),
        *options,
    ]
    done = subprocess.run(  # noqa: S603 - our own module, by an absolute interpreter
        command, cwd=project, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
    )
    if done.returncode:
        raise SynthesisError(f"The template cannot be made:\n{done.stderr.strip()}")
    return done.stdout


def _key(project: Path, options: tuple[str, ...]) -> str:
    digest = hashlib.sha256(repr((sys.version, str(project), options)).encode())
    for name in _TRANSLATORS:
        digest.update(f"{name}=={importlib.metadata.version(name)}\n".encode())
    for file in _sources(project):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.relative_to(project)}\0{content}\n".encode())
    return digest.hexdigest()[:32]


def _sources(project: Path) -> Iterator[Path]:
    for pattern in SOURCES:
        for file in sorted(project.glob(pattern)):
            if file.is_file() and "__pycache__" not in file.parts:
                yield file


def _keep(entry: Path, content: str) -> None:
    """Write an entry atomically, and drop the least recently used entries."""
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=entry.parent, delete=False) as draft:
            draft.write(content)
        Path(draft.name).replace(entry)
        by_age = sorted(entry.parent.glob("*.json"), key=lambda file: file.stat().st_mtime)
        for old in by_age[:-_MAX_ENTRIES]:
            old.unlink(missing_ok=True)
    except OSError as error:
        _log.warning("a synthesised template cannot be kept in %s: %s", entry.parent, error)
