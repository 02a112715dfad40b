"""What becomes of files that mean harm, read as `read_document` reads an upload.

    python -m tests.data.formats.read_hostile [--cpu-seconds N] FILE...

writes one line of JSON for each: `outcome` is `read` or the name of the error, with its message or
what was read; `peak` is the most memory that this process or a child ever held, in KiB. What asks
the network or starts a program is stopped by Python itself, and is not an outcome.
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.contracts.ingest import ReadRequest
from chalicelib.contracts.jsonl import parse_lines
from chalicelib.contracts.parts import Part, ReadPartRequest
from chalicelib.contracts.uploads import Download
from chalicelib.documents.bounded_work import WorkBudget
from chalicelib.errors import Conflict, InvalidInput, Unsupported
from functions.read_document import core
from functions.read_document.budget import Budget, read_budget
from functions.read_document.file_types.detection import identify_by_magika
from tests.unit.ingest.examples import BUCKET, work
from tests.unit.ingest.fakes import FakeObjects

MEBIBYTE = 1024 * 1024
MAX_BYTES = 1024 * MEBIBYTE
_PARTS = 3
"""Of a file that is read in parts: the others are alike."""
_FORBIDDEN = ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.exec", "os.system")


@dataclass
class OnDisk(FakeObjects):
    """One upload on this disk, and what is written of it."""

    path: Path = Path()

    def download(
        self, bucket: str, key: str, version_id: str | None, into: Path, max_bytes: int
    ) -> Download:
        shutil.copyfile(self.path, into)
        return Download("0" * 64, into.stat().st_size)

    def copy(self, bucket: str, key: str, version_id: str, to_key: str) -> None:
        assert to_key.endswith("/source")

    def stream(self, bucket: str, key: str, start: int = 0, end: int = 0) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            file.seek(start)
            left = (end or self.path.stat().st_size) - start
            while left > 0 and (block := file.read(min(left, MEBIBYTE))):
                left -= len(block)
                yield block


def read(path: Path, budget: Budget = read_budget) -> tuple[str, str]:
    """Return what became of a file, and what is told of it."""
    objects = OnDisk(path=path)
    asked = work(key=f"inbox/acme/default/{path.name}", size=path.stat().st_size)
    request = ReadRequest.model_validate({**asked.model_dump(), "bucket": BUCKET})
    deps = core.Deps(objects, identify_by_magika, MAX_BYTES, time.perf_counter, 1.0, budget)
    try:
        found = core.run(request, deps)
        if found.parts:
            (plan,) = (body for key, body in objects.bodies.items() if key.endswith("parts.jsonl"))
            for part in parse_lines(plan, Part, found.parts)[:_PARTS]:
                core.run_part(ReadPartRequest(**request.model_dump(), part=part), deps)
    except (InvalidInput, Unsupported, Conflict) as refusal:
        return type(refusal).__name__, refusal.message
    return "read", f"{found.media_type}, {found.pages} pages, {found.members} files"


def peak() -> int:
    """Return the KiB of memory that this process, or one of its children, held at most.

    The kernel's other count of this process, `ru_maxrss`, begins with what the process held that
    started this one.
    """
    status = Path("/proc/self/status").read_text()
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return max(children, int(status.partition("VmHWM:")[2].split()[0]))


def _forbid(event: str, _: tuple[Any, ...]) -> None:
    if event in _FORBIDDEN:
        raise SystemExit(f"{event} was called")


def main(names: list[str]) -> None:
    """Write what becomes of each file."""
    budget: Budget = read_budget
    if names[:1] == ["--cpu-seconds"]:
        limit = WorkBudget(int(names[1]), 512 * MEBIBYTE, 100.0)
        names, budget = names[2:], lambda size, memory_gb: limit
    sys.addaudithook(_forbid)
    for name in names:
        outcome, told = read(Path(name), budget)
        line = {"name": Path(name).name, "outcome": outcome, "told": told, "peak": peak()}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
