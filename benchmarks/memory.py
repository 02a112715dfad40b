"""Peak memory of an ingest by file size, ours beside LlamaIndex's.

Every figure is of a fresh process. Ours are the functions that see the file: `read_document`
planning it, `read_document` reading parts of it, `chunk_document` chunking them; the largest of
them counts. Theirs loads the file into documents and does no more.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

from benchmarks import real_pages
from benchmarks.bench_environment import ALONE, PROJECT, interpreter
from benchmarks.memory_ours import BUCKET, KEY
from benchmarks.reporting import Result, spread

MODELS = PROJECT / "models" / "cache"
MEGABYTES = (1, 10, 50, 200)
PAGES = (10, 100, 500)
PATIENCE_S = 300
OURS, THEIRS = "ours", "LlamaIndex"
STEPS = ("plan", "read", "chunk")

Peak = Mapping[str, Any]


def measure(repetitions: int) -> Result:
    """Let each side ingest each file `repetitions` times."""
    peaks: dict[str, list[float]] = defaultdict(list)
    facts: dict[str, Any] = {}
    python = str(interpreter())
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as scratch:
        folder = Path(scratch)
        for ending, name, path in _files(folder):
            for _ in range(repetitions):
                ours = _ours(path, folder / "objects")
                for step, figures in ours.items():
                    peaks[f"{name}, ours, {step}"].append(figures["peak"])
                peaks[f"{name}, ours"].append(max(each["peak"] for each in ours.values()))
                command = [python, "-m", "benchmarks.memory_theirs"]
                theirs = _run([*command, str(folder / f"small.{ending}"), str(path)])
                peaks[f"{name}, {THEIRS}"].append(theirs["peak"])
            facts[f"{name}, parts"] = int(ours["plan"]["parts"])
            facts[f"{name}, MiB on the disk"] = round(path.stat().st_size / 1024**2, 1)
            facts[f"{name}, MiB before, {OURS}"] = round(max(x["before"] for x in ours.values()))
            facts[f"{name}, MiB before, {THEIRS}"] = round(theirs["before"])
            path.unlink()
    return Result(
        name="memory",
        repetitions=repetitions,
        measured={name: spread(figures, "MiB at most") for name, figures in peaks.items()},
        facts=facts,
        notes=(
            "VmHWM of a fresh process since libraries and models were loaded, those included.",
            "Of a file in parts, the first, the last and three parts between are read and chunked.",
            "Embedding takes 500 chunks at a time, whatever the file; it is not in these figures.",
        ),
    )


def _files(folder: Path) -> Sequence[tuple[str, str, Path]]:
    """Create the files, with small ones to warm up; return ending, name and path."""
    (folder / "small.csv").write_text("number,text\n1,small\n")
    (folder / "small.pdf").write_bytes(real_pages.pdf(real_pages.pages(1)))
    entries = [entry for page in real_pages.pages(100) for entry in page]
    files: list[tuple[str, str, Path]] = []
    for size in MEGABYTES:
        path = folder / f"{size}.csv"
        write_csv(path, size * 1_000_000, entries)
        files.append(("csv", f"CSV of {size} MB", path))
    for count in PAGES:
        path = folder / f"{count}.pdf"
        path.write_bytes(real_pages.pdf(real_pages.pages(count)))
        files.append(("pdf", f"PDF of {count} pages", path))
    return files


def write_csv(path: Path, size: int, entries: Sequence[tuple[str, str]]) -> None:
    """Write rows of a number, a day, and an entry's name and text, up to `size` bytes."""
    written = 0
    with path.open("w", encoding="utf-8") as file:
        written += file.write("number,day,name,text\n")
        for number, (name, text) in enumerate(cycle(entries)):
            if written >= size:
                return
            prose = " ".join(text.split())[:160].replace('"', '""')
            title = name.replace('"', '""')
            row = f'{number},2026-{number % 12 + 1:02d}-{number % 28 + 1:02d},"{title}","{prose}"\n'
            written += file.write(row)


def _ours(path: Path, folder: Path) -> dict[str, Peak]:
    """Return the memory of each step on `path`, which is read in parts if it is large."""
    shutil.rmtree(folder, ignore_errors=True)
    upload = folder / BUCKET / KEY
    upload.parent.mkdir(parents=True)
    upload.hardlink_to(path)
    run = [sys.executable, "-m", "benchmarks.memory_ours"]
    places = [str(path), str(folder), str(MODELS)]
    done: dict[str, Peak] = {"plan": _run([*run, "plan", *places])}
    counted = ["--parts", str(done["plan"]["parts"]), "--pages", str(done["plan"]["pages"])]
    for step in STEPS[1:]:
        if step == "chunk" or done["plan"]["parts"]:
            done[step] = _run([*run, step, *places, *counted])
    return done


def _run(command: Sequence[str]) -> dict[str, Any]:
    """Return the line that `command` prints. Raises CalledProcessError."""
    environment = {**os.environ, **ALONE}
    output = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, check=True, timeout=PATIENCE_S
    ).stdout
    peak: dict[str, Any] = json.loads(output)
    return peak
