"""Ingest throughput in pages a second beside LlamaIndex, and its costs.

Both sides take the same files in turn, in one run, each in a process on the same one core, with
the same model and with chunks of the same most tokens. The rate is by CPU time of the process,
which neighbours disturb least. Then the same pages go through the whole local cloud, upload to
search, and their receipts say what AWS would ask for them.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import ingest_cloud, real_pages
from benchmarks.bench_environment import ALONE, PROJECT, interpreter
from benchmarks.lines import Peer, peer
from benchmarks.reporting import Result, Spread, spread

MODELS = PROJECT / "models" / "cache"
PAGES = 40
"""Of a file: enough that what is done once a file does not count, and read in one step."""
OURS, THEIRS, GIVEN = "ours", "LlamaIndex", "LlamaIndex, our embedder"
SIDES = (OURS, THEIRS, GIVEN)
PARTS = ("read", "chunk", "embed", "write", "first search")
ONE_CORE = ("taskset", "--cpu-list", "0")

Done = dict[str, Any]


@dataclass(slots=True)
class Sides:
    """Both processes, their results, and how many files they were given."""

    ours: Peer
    theirs: Peer
    files: int = 0
    done: dict[tuple[str, str], list[Done]] = field(default_factory=lambda: defaultdict(list))

    def take(self, side: str, path: Path, question: str) -> Done:
        """Let one side ingest a file. Raises RuntimeError if its search does not find it."""
        self.files += 1
        request = {"path": str(path), "question": question, "number": self.files}
        if side == OURS:
            done = self.ours.ask(request)
        else:
            done = self.theirs.ask({**request, "model": "fp32" if side == THEIRS else "int8"})
        if not done["found"]:
            raise RuntimeError(f"{side} does not find {path.name} by {question!r}")
        return done


def measure(repetitions: int) -> Result:
    """Ingest `repetitions` files of each kind on each side, then upload some to a cloud."""
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as scratch:
        folder = Path(scratch)
        environment = {**os.environ, **ALONE}
        run = [str(MODELS), str(folder)]
        ours = [*ONE_CORE, sys.executable, "-m", "benchmarks.ingest_ours", *run]
        theirs = [*ONE_CORE, str(interpreter()), "-m", "benchmarks.ingest_theirs", *run]
        with (
            peer(ours, PROJECT, environment) as first,
            peer(theirs, PROJECT, environment) as second,
        ):
            sides = Sides(first, second)
            for repetition in range(-1, repetitions):
                _round(repetition, folder, sides)
            versions = second.ready["versions"]
    cloud = ingest_cloud.measure()
    measured, ratios, facts = compared(sides.done)
    return Result(
        name="ingest",
        repetitions=repetitions,
        measured={**measured, **cloud.measured},
        ratios=ratios,
        facts={"pages a file": PAGES, **facts, **cloud.facts},
        versions=versions,
        notes=(
            "A side's pages a core-second are the pages of a file by the CPU time of its process.",
            "Ours: the functions' cores and the engine of the local cloud, without a network.",
            "Theirs: its readers (pypdf, docx2txt), its splitter, its index, persisted.",
            "The rates of the whole cloud are by the clock, on all cores, polling included.",
        ),
    )


def _round(repetition: int, folder: Path, sides: Sides) -> None:
    """Give every side the next pages, as each kind of file; the first round only warms up."""
    pages = PAGES if repetition >= 0 else 4
    shown = real_pages.pages(pages, max(repetition, 0) * PAGES)
    question = shown[len(shown) // 2][0][1][:100]
    for kind, make in real_pages.KINDS.items():
        path = folder / f"{repetition}.{kind}"
        path.write_bytes(make(shown))
        for side in SIDES if repetition % 2 else reversed(SIDES):
            done = {**sides.take(side, path, question), "pages": pages}
            if repetition >= 0:
                sides.done[kind, side].append(done)


def compared(
    done: Mapping[tuple[str, str], list[Done]],
) -> tuple[dict[str, Spread], dict[str, float], dict[str, Any]]:
    """Return rates, parts, speed ratios, and what each side made of the pages."""
    measured: dict[str, Spread] = {}
    ratios: dict[str, float] = {}
    facts: dict[str, Any] = {}
    for (kind, side), runs in done.items():
        measured[f"{kind}, {side}"] = spread(list(map(_rate, runs)), "pages/core-second")
        by_clock = [each["pages"] / each["wall"] for each in runs]
        measured[f"{kind}, {side}, by the clock"] = spread(by_clock, "pages/s")
        for part in PARTS:
            each_page = [1000 * each["seconds"][part] / each["pages"] for each in runs]
            measured[f"{kind}, {side}, {part}"] = spread(each_page, "ms of CPU a page")
        for what in ("chunks", "tokens"):
            counts = (each[what] / each["pages"] for each in runs)
            facts[f"{kind}, {side}, {what} a page"] = round(statistics.mean(counts), 1)
    for kind in real_pages.KINDS:
        for side in (THEIRS, GIVEN):
            pairs = zip(done[kind, OURS], done[kind, side], strict=True)
            times = [_rate(ours) / _rate(theirs) for ours, theirs in pairs]
            measured[f"{kind}, ours against {side}"] = spread(times, "times")
            ratios[f"{kind}, ours against {side}"] = statistics.median(times)
    return measured, ratios, facts


def _rate(done: Done) -> float:
    return float(done["pages"] / sum(done["seconds"].values()))
