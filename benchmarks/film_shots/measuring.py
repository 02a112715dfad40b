"""Shots: boundaries found in drawn films and in a real one, ours and TransNet V2's.

Changes of drawn films are known. The film that comes with the network's package has no truth: ours
is compared with the network there, and on it some of our settings were chosen.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bench_environment import ALONE, PROJECT
from benchmarks.film_shots.drawn_films import FPS, KINDS, Change, draw_film
from benchmarks.reporting import Result
from benchmarks.shares import share
from chalicelib.media.frames import sample_frames
from chalicelib.media.probe import probe
from chalicelib.media.shots import HEIGHT, SAMPLED_FPS, WIDTH, detect_shots

SEEDS = (11, 12, 13, 14, 15)
TOLERANCE_S = 0.2
OURS, THEIRS = "differences of frames", "TransNet V2"
ENVIRONMENT = PROJECT / ".venv-bench-film"
_HERE = Path(__file__).parent
_SEEN = (48, 27)
"""Pixels of the network's frames."""


def measure(repetitions: int) -> Result:
    """Draw the films of the seeds, and find their shots once; `repetitions` changes nothing."""
    python = interpreter()
    (real,) = (ENVIRONMENT / "lib").glob("python*/site-packages/tests/test.mp4")
    with tempfile.TemporaryDirectory() as folder:
        films = [draw_film(seed, Path(folder) / f"{seed}.mp4") for seed in SEEDS]
        paths = [*(film.path for film in films), real]
        found = {OURS: [_ours(path) for path in paths], THEIRS: _theirs(python, paths, folder)}
    changes = [film.changes for film in films]
    facts: dict[str, Any] = {
        "films": len(films),
        "seconds": round(sum(film.seconds for film in films)),
        "contestants": {
            name: {
                **judged(changes, [starts for starts, _ in each[:-1]]),
                "CPU seconds": round(sum(seconds for _, seconds in each[:-1]), 1),
            }
            for name, each in found.items()
        },
        "real film": _agreement(found[OURS][-1][0], found[THEIRS][-1][0], real),
    }
    return Result(
        name="film_shots",
        repetitions=repetitions,
        measured={},
        facts=facts,
        notes=(
            f"Seeds {', '.join(map(str, SEEDS))}; settings were chosen on seeds 1 to 3.",
            "They were also chosen on the real film, which comes with the network's package.",
            f"A boundary within {TOLERANCE_S} s of a change is of it; Wilson's 95 %.",
        ),
    )


def interpreter() -> Path:
    """Return the Python of the environment of the network; make it once."""
    python = ENVIRONMENT / "bin" / "python"
    wanted = (_HERE / "requirements.txt").read_text()
    made = ENVIRONMENT / "made-from"
    if not made.is_file() or made.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True, timeout=120)
        install = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        requirements = str(_HERE / "requirements.txt")
        subprocess.run([*install, "-r", requirements], check=True, timeout=1800)
        made.write_text(wanted)
    return python


def judged(
    changes: Sequence[Sequence[Change]], starts: Sequence[Sequence[float]]
) -> dict[str, Any]:
    """Return the share of the changes of each kind that are found, and how many are none."""
    hits: dict[str, list[bool]] = {kind: [] for kind in KINDS}
    wrong = 0
    for of_film, found in zip(changes, starts, strict=True):
        used: set[float] = set()
        for change in of_film:
            low, high = change.start_s - TOLERANCE_S, change.end_s + TOLERANCE_S
            near = [start for start in found if low <= start <= high and start not in used]
            hits[change.kind].append(bool(near))
            used.update(near)
        wrong += len(set(found) - used)
    told: dict[str, Any] = {
        kind: {"found": sum(own), "of": len(own), **share(sum(own), len(own))}
        for kind, own in hits.items()
    }
    return {**told, "boundaries that are none": wrong}


def _agreement(ours: Sequence[float], theirs: Sequence[float], path: Path) -> dict[str, Any]:
    """Return how many of the network's boundaries of a film we find, and how many more."""
    boundaries = [Change(KINDS[0], start, start) for start in theirs]
    told = judged([boundaries], [ours])
    return {
        "seconds": round(probe(path).duration_ms / 1000),
        "boundaries of the network": len(theirs),
        "found": told[KINDS[0]]["found"],
        "others": told["boundaries that are none"],
    }


def _ours(path: Path) -> tuple[list[float], float]:
    """Return where each shot but the first begins, in seconds, and the seconds of CPU."""
    end_ms = probe(path).duration_ms
    began = time.process_time()
    shots = detect_shots(sample_frames(path, SAMPLED_FPS, (WIDTH, HEIGHT)), end_ms)
    return [shot.start_ms / 1000 for shot in shots[1:]], time.process_time() - began


def _theirs(python: Path, paths: Sequence[Path], folder: str) -> list[tuple[list[float], float]]:
    files = []
    for number, path in enumerate(paths):
        files.append(Path(folder) / f"{number}.npy")
        frames = [frame.pixels for frame in sample_frames(path, FPS, _SEEN)]
        np.save(files[-1], np.stack(frames))
    done = subprocess.run(
        [str(each) for each in (python, _HERE / "theirs.py", *files)],
        check=True,
        timeout=3_600,
        env={**os.environ, **ALONE},
        capture_output=True,
        text=True,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    return [(list(_starts(each["runs"])), each["cpu_s"]) for each in told]


def _starts(runs: Iterable[tuple[int, int]]) -> Iterable[float]:
    """Yield the second behind the middle of each run of boundary frames but that of the start."""
    for first, last in runs:
        if first > 2:
            yield ((first + last) / 2 + 1) / FPS
