"""CPU of the local cloud for a search over 2,000 chunks, by process, beside another checkout's.

A repetition is fifty searches of one caller, one at a time. Where another checkout is named, its
cloud runs too, on a folder with the same chunks, and each repetition is made on both in turn.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psutil

from benchmarks.paired import ratio
from benchmarks.reporting import Result, spread
from benchmarks.search import TOP_K, fill
from benchmarks.search_corpus import Corpus
from tests.cloud import PROJECT, CloudProcess

CHUNKS = 2_000
SEARCHES = 50
QUESTIONS = 64
WARM_UP = 50
_SERVER = "the cloud itself"

Milliseconds = Mapping[str, float]


def measure(repetitions: int, beside: Path | None = None) -> Result:
    """Measure `repetitions` times fifty searches, and as many on the checkout `beside`."""
    corpus = Corpus(CHUNKS, QUESTIONS)
    checkouts = {"": PROJECT, **({"before: ": beside} if beside else {})}
    found: dict[str, list[Milliseconds]] = {name: [] for name in checkouts}
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as made, ExitStack() as stack:
        folder = Path(made)
        fill(folder / "cloud", corpus, CHUNKS)
        clouds = {}
        for number, (name, project) in enumerate(checkouts.items()):
            data = folder / f"cloud-{number}"
            shutil.copytree(folder / "cloud", data)
            clouds[name] = stack.enter_context(_running(data, project))
        for cloud in clouds.values():
            _searches(cloud, corpus, WARM_UP)
        for number in range(repetitions):
            for name in sorted(clouds, reverse=bool(number % 2)):
                found[name].append(_searches(clouds[name], corpus, SEARCHES))
    processes = sorted(set(found[""][0]) - {_SERVER})
    server = {name: [each[_SERVER] for each in batches] for name, batches in found.items()}
    ratios = {"its CPU over that before": ratio(server[""], server["before: "])} if beside else {}
    return Result(
        name="search_cpu",
        repetitions=repetitions,
        measured={
            f"{name}{process}": spread([each[process] for each in batches], "ms of CPU")
            for name, batches in found.items()
            for process in (_SERVER, *processes)
        },
        ratios={name: each["value"] for name, each in ratios.items()},
        facts={f"{name}, 95 % interval": each["interval"] for name, each in ratios.items()},
        notes=(
            f"{CHUNKS:,} chunks, {TOP_K} passages a search, one caller; all functions are warm.",
            "Milliseconds a search, from the process's own clock, over fifty searches.",
        ),
    )


@contextmanager
def _running(data: Path, project: Path) -> Iterator[CloudProcess]:
    cloud = CloudProcess(data, project=project, account="laptop").start()
    try:
        yield cloud
    finally:
        cloud.stop()


def _searches(cloud: CloudProcess, corpus: Corpus, count: int) -> Milliseconds:
    """Make `count` searches; return the CPU of each process for one, in milliseconds."""
    headers = {"Authorization": f"Bearer {cloud.api_key}"}
    with httpx.Client(base_url=cloud.endpoint_url, headers=headers, timeout=60) as api:
        before = _cpu_s(cloud)
        for number in range(count):
            body = {"query": corpus.questions[number % QUESTIONS], "top_k": TOP_K}
            answer = api.post("/v1/search", json=body)
            answer.raise_for_status()
            if len(answer.json()["hits"]) != TOP_K:
                raise RuntimeError(f"{len(answer.json()['hits'])} hits: {answer.text[:300]}")
        after = _cpu_s(cloud)
    return {
        name: 1000 * (seconds - before.get(name, 0.0)) / count for name, seconds in after.items()
    }


def _cpu_s(cloud: CloudProcess) -> dict[str, float]:
    """Return the CPU seconds so far of the cloud and of each of its functions, by name."""
    server = psutil.Process(cloud.pid)
    times = {_SERVER: server.cpu_times()}
    for process in server.children(recursive=True):
        name = process.environ().get("AWS_LAMBDA_FUNCTION_NAME", "others")
        times[name.removeprefix("headrace-local-")] = process.cpu_times()
    return {name: each.user + each.system for name, each in times.items()}
