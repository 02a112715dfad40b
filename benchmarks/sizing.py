"""Memory size of each function, from CPU time and memory on events of a whole stage.

The functions run from a package's bundles, in Lambda's own Python, each worker a process of its
own. CPU time and memory of a worker are read from /proc: its first invocation with its start, the
later ones, and large inputs. Time on AWS is computed from CPU time, not measured.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx

from benchmarks.cost_counting import counted
from benchmarks.reporting import Result
from benchmarks.running_cloud import Caller
from benchmarks.sizing_choice import Figures, short
from benchmarks.sizing_whole import peaks_of_whole_files
from benchmarks.sizing_work import Work, told_to_a_receiver
from benchmarks.sizing_workers import Taken, watching
from infra.packaging.package import PackageRequest, build_package
from infra.packaging.targets import native_architecture
from localcloud.deployment_package import remove_unpacked
from models.pull.cache import pull
from tests.cloud import PROJECT, CloudProcess

MODELS = PROJECT / "models" / "cache"
NEXT_MODEL = "minilm-l6-v2-fp32"
READER = "read_document"

Counted = tuple[int, Taken]
"""How often a function was invoked, and what its workers took."""
NEVER: Counted = (0, Taken(0, 0.0, 0.0))


def measure(repetitions: int) -> Result:
    """Run every function once, `repetitions` times more, and then on large inputs.

    Work that only these reach, or the move to another model, is not separated.
    """
    pull(["minilm-l6-v2-int8", NEXT_MODEL], into=MODELS)
    whole = peaks_of_whole_files()
    with _bundled_cloud() as caller, watching(caller.cloud.pid) as watch:
        work = Work(caller)

        def now() -> dict[str, Counted]:
            invoked = counted(caller).functions
            watch.look()
            return {
                name: (invoked[name][0], taken)
                for name, taken in watch.taken().items()
                if name in invoked
            }

        work.touch()
        touched = now()
        with told_to_a_receiver(caller):
            work.small()
            first = {**now(), **touched}
            for _ in range(repetitions):
                work.small()
            then = now()
            work.large()
            work.another_model(NEXT_MODEL)
        last = now()
        functions = _functions(caller)
    missing = sorted(functions.keys() - last.keys())
    if missing:
        raise RuntimeError(f"Nothing was asked of {', '.join(missing)}: sizing_work.py has to.")
    found = {}
    for name, function in sorted(functions.items(), key=lambda each: short(each[1]["Handler"])):
        called = short(function["Handler"])
        elsewhere = max(whole.values()) if called == READER else 0.0
        figures = figures_of(first.get(name, NEVER), then.get(name, NEVER), last[name], elsewhere)
        found[called] = {
            **asdict(figures),
            "timeout_s": function["Timeout"],
            "invocations": last[name][0],
            "workers": last[name][1].workers,
        }
    return Result(
        name="sizing",
        repetitions=repetitions,
        measured={},
        facts={"functions": found, "whole files, MiB": whole},
        notes=(
            "CPU and memory of workers under the local cloud, from bundles, in Python 3.13.",
            "Seconds are CPU time; what is waited for is not in them, nor in prices.",
        ),
    )


def figures_of(first: Counted, then: Counted, last: Counted, elsewhere_mib: float = 0.0) -> Figures:
    """Return a function's figures of each kind of invocation.

    A worker's first invocation comes with its start; the rest of the CPU time is divided among the
    others. `last` counts the large invocations after `then`, and what only large inputs reach is
    not separated; `elsewhere_mib` is the resident memory of another process that did the same work
    on a larger file.
    """
    if not then[0]:
        each = round(last[1].cpu_s / last[0], 3)
        return Figures(each, each, each, round(max(last[1].peak_mib, elsewhere_mib)))
    cold = _start_of(first if first[0] else then, then)
    warm = _beyond(then, cold)
    invoked = last[0] - then[0]
    started = last[1].workers - then[1].workers
    more = last[1].cpu_s - then[1].cpu_s - started * (cold - warm)
    large = max(warm, more / invoked if invoked else 0.0)
    peak = max(last[1].peak_mib, elsewhere_mib)
    return Figures(round(cold, 3), round(warm, 4), round(large, 3), round(peak))


def _start_of(begun: Counted, then: Counted) -> float:
    """Return the CPU time of a worker's start with its first invocation.

    Invocations before the first look are assumed to take as much as the later ones.
    """
    others = begun[0] - begun[1].workers
    if others <= 0:
        return begun[1].cpu_s / begun[1].workers
    more = then[0] - begun[0] - (then[1].workers - begun[1].workers)
    if more <= 0:  # no start to separate: all share the time equally
        return begun[1].cpu_s / begun[0]
    each = (then[1].cpu_s - begun[1].cpu_s) / more
    return max(each, (begun[1].cpu_s - others * each) / begun[1].workers)


def _beyond(counted_: Counted, cold: float) -> float:
    invoked, taken = counted_
    others = invoked - taken.workers
    return max(0.0, taken.cpu_s - taken.workers * cold) / others if others > 0 else cold


def _functions(caller: Caller) -> dict[str, dict[str, Any]]:
    return {each["FunctionName"]: each for each in caller.functions()}


@contextmanager
def _bundled_cloud() -> Iterator[Caller]:
    """Yield a caller of a local cloud that runs a package's bundles."""
    with tempfile.TemporaryDirectory(prefix="headrace-sizing-") as made:
        folder = Path(made)
        order = PackageRequest(
            PROJECT, "local", architecture=native_architecture(), models_dir=MODELS
        )
        build_package(order, folder / "package")
        options = ("--package", str(folder / "package"), "--bundles", str(folder / "bundles"))
        cloud = CloudProcess(folder / "cloud", *options, account="laptop").start()
        try:
            headers = {"Authorization": f"Bearer {cloud.api_key}"}
            with httpx.Client(base_url=cloud.endpoint_url, headers=headers, timeout=120) as api:
                yield Caller(cloud, api)
        finally:
            cloud.stop()
            remove_unpacked(folder)
