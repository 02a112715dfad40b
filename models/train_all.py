"""Train every recipe and check its gates: `python -m models.train_all --into FOLDER`.

Each recipe and each of its variants is trained by several seeds, those that others begin from
first, as many at a time as there are processors. Every seed has to reach the gates; the first is
exported, too. What was trained before in the same folder with the same settings is not trained
again, and held to the gates all the same. A recipe may say that it misses a gate, by
`known_misses`: that is told by name, and fails nothing.

FOLDER/report.md has numbers, gates, seconds and those of a processor; `models.runs.trainer`
lists what else is in the folder.
"""

from __future__ import annotations

import argparse
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

from models.runs.processes import ProcessPool, ProcessResult
from models.runs.seed_table import report
from models.runs.trainer import SeededRun, Trainer, modules_of, plan_runs
from models.training import recipe

REPORT = "report.md"
PRESETS = ("smoke", "tiny")
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(2**31),
    "MALLOC_TRIM_THRESHOLD_": str(2**31),
}
"""The environment of trainings: one thread each, and memory that glibc keeps for the next step.

Given back, it costs 5,000 to 12,000 page faults in each step, a tenth of its time and more.
"""


def train_all(
    wanted: Sequence[SeededRun], train_one: Callable[[SeededRun], ProcessResult], workers: int
) -> dict[SeededRun, ProcessResult]:
    """Train all, each after its bases; a run whose base failed is skipped."""
    done: dict[SeededRun, ProcessResult] = {}
    waiting = list(wanted)
    with _pool(workers) as pool:
        running: dict[Future[ProcessResult], SeededRun] = {}
        while waiting or running:
            for run in [each for each in waiting if _ready(each, done)]:
                waiting.remove(run)
                if failed := [base for base in run.needs().values() if done[base].code]:
                    done[run] = ProcessResult(
                        1, 0.0, f"{failed[0].name} failed, from which it begins"
                    )
                else:
                    running[pool.submit(train_one, run)] = run
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                run = running.pop(future)
                done[run] = future.result()
                _say(f"{run.name}, seed {run.seed}: {_outcome(done[run])}")
    return done


@contextmanager
def _pool(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Yield a thread pool that starts no more work once an error is raised."""
    pool = ThreadPoolExecutor(workers)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def _ready(run: SeededRun, done: Mapping[SeededRun, ProcessResult]) -> bool:
    return all(base in done for base in run.needs().values())


def _outcome(done: ProcessResult) -> str:
    took = f"{done.seconds:.0f} s, {done.cpu:.0f} s of a processor"
    lines = done.said.strip().splitlines() or [f"its process ended with {done.code}"]
    if done.code:
        return f"FAILED: {lines[-1]}"
    return f"{took}; misses a gate, as its recipe says: {done.note}" if done.note else took


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, print the table, and exit with 1 unless all seeds reach what their recipes say."""
    parser = argparse.ArgumentParser(prog="python -m models.train_all", description=__doc__)
    parser.add_argument(
        "recipes",
        nargs="*",
        help=f"of {', '.join(recipe.names())}; those without a base model unless given",
    )
    parser.add_argument("--preset", default="tiny", choices=PRESETS)
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0 on; 3 unless given")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--into", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    began = time.monotonic()
    names = chosen.recipes or recipe.names(with_base_model=False)
    wanted = plan_runs(names, range(chosen.seeds))
    processes = ProcessPool(modules_of({run.recipe for run in wanted}))
    trainer = Trainer(chosen.preset, chosen.into, processes=processes)
    try:
        done = _trained(trainer, wanted, chosen.workers)
    finally:
        processes.end()
    table = report(done, chosen.into)
    (chosen.into / REPORT).write_text(table, encoding="utf-8")
    _say(table)
    failed = [run for run, each in done.items() if each.code]
    cpu = sum(each.cpu for each in done.values())
    took = f"{time.monotonic() - began:.0f} s, {cpu:.0f} s of processors"
    _say(f"{len(done)} trainings in {took}, {len(failed)} failed.")
    for run in [run for run, each in done.items() if each.code or each.note]:
        _say(f"{run.name}, seed {run.seed}: {_outcome(done[run])}")
    return 1 if failed else 0


def _trained(
    trainer: Trainer, wanted: Sequence[SeededRun], workers: int
) -> dict[SeededRun, ProcessResult]:
    """Prepare all data, then train all."""
    datasets = sorted({recipe.load(run.recipe).dataset.name for run in wanted})
    with _pool(workers) as pool:
        for name, done in zip(datasets, pool.map(trainer.prepare, datasets), strict=True):
            if done.code:
                _say(f"The data set {name} cannot be prepared: {done.said.strip()}")
    return train_all(wanted, trainer.train, workers)


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the command's answer


if __name__ == "__main__":
    raise SystemExit(main())
