"""Cold starts of every function: our bundle compared with the naive one.

The code is the same in both. A fresh process imports the handler and answers its first event, with
clients and models created on the way; the services are a local cloud in another process. CPU time
is the reliable figure.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks import naive_bundle, our_bundles
from benchmarks.coldstart_events import PROJECT, ColdStart, cold_starts
from benchmarks.coldstart_runtime import OneInvocation, demand_stream
from benchmarks.reporting import Result, Spread, spread
from benchmarks.running_cloud import running_cloud
from infra.packaging.targets import find_interpreter

BUNDLES = PROJECT / "build" / "bench"
OURS, NAIVE = "ours", "naive"
MAKERS: Mapping[str, Callable[[str, Path], Path]] = {
    OURS: our_bundles.build,
    NAIVE: naive_bundle.build,
}
PARTS = {"core": "CPU", "import core": "CPU of import", "wall": "wall"}
CHILD = Path(__file__).with_name("coldstart_child.py")

Spent = dict[tuple[str, str], list[dict[str, Any]]]


def bundle_of(kind: str, handler: str) -> Path:
    """Return the path of the bundle of `handler`; Chalice's functions share one."""
    room = "app" if handler.startswith("app.") else handler.split(".")[-3]
    return BUNDLES / kind / room


def measure(repetitions: int) -> Result:
    """Build the bundles, then start every function in turn from each."""
    spent: Spent = defaultdict(list)
    with running_cloud() as caller:
        starts = cold_starts(caller)
        sizes = {kind: _build(kind, starts) for kind in MAKERS}
        for repetition in range(-1, repetitions):
            for start in starts:
                for kind in sorted(MAKERS, reverse=repetition % 2 == 0):
                    seconds = _start(kind, start, caller.cloud.endpoint_url)
                    if repetition >= 0:
                        spent[start.name, kind].append(seconds)
    return _result(repetitions, spent, sizes)


def _build(kind: str, starts: list[ColdStart]) -> dict[str, float]:
    """Make every bundle of `kind`; return their sizes in MB."""
    sizes = {}
    for handler in {bundle_of(kind, start.handler): start.handler for start in starts}.values():
        folder = MAKERS[kind](handler, bundle_of(kind, handler))
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        sizes[folder.name] = round(size / 1e6, 1)
    return sizes


def _start(kind: str, start: ColdStart, endpoint: str) -> dict[str, Any]:
    """Run one cold start; raise if the function did not do its work."""
    bundle = bundle_of(kind, start.handler)
    environment = {
        **start.environment,
        "_HANDLER": start.handler,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "HEADRACE_MODELS_DIR": str(bundle / "models" / "cache"),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    figures = (
        _streamed(start, bundle, environment) if start.streams else _run(start, bundle, environment)
    )
    _demand_success(start, figures.pop("outcome"))
    return {
        **figures,
        "core": figures["import core"] + figures["first core"],
        "wall": figures["import wall"] + figures["first wall"],
    }


def _streamed(start: ColdStart, bundle: Path, environment: dict[str, str]) -> dict[str, Any]:
    """Run one cold start of a function that takes its event from an emulated Runtime API."""
    invocation = OneInvocation(start.event)
    environment["AWS_LAMBDA_RUNTIME_API"] = invocation.address
    with ThreadPoolExecutor(1) as aside:
        answering = aside.submit(invocation.answer)
        figures = _run(start, bundle, environment)
        demand_stream(answering.result())
    return figures


def _run(start: ColdStart, bundle: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        command = [str(find_interpreter()), "-I", "-S", "-B", str(CHILD), str(bundle)]
        done = subprocess.run(
            [*command, start.handler, str(answer)],
            input=json.dumps(start.event),
            env=environment,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{start.name} from {bundle}:\n{done.stderr}")
        figures: dict[str, Any] = json.loads(answer.read_text())
        return figures


def _demand_success(start: ColdStart, outcome: Any) -> None:
    response = outcome if isinstance(outcome, dict) else {}
    failed = response.get("batchItemFailures") or int(response.get("statusCode", 200)) != 200
    if failed or response.get("errorType", "") != start.error or '"Deny"' in json.dumps(outcome):
        raise RuntimeError(f"{start.name} did not do its work: {outcome}")


def _result(repetitions: int, spent: Spent, sizes: Mapping[str, Any]) -> Result:
    measured: dict[str, Spread] = {}
    ratios = {}
    for name in dict.fromkeys(name for name, _ in spent):
        for kind in MAKERS:
            for part, label in (
                ("core", "CPU"),
                ("import core", "CPU of import"),
                ("wall", "wall"),
            ):
                values = [each[part] * 1000 for each in spent[name, kind]]
                measured[f"{name}, {kind}, {label}"] = spread(values, "ms")
        ratios[f"naive against ours, CPU, {name}"] = statistics.median(
            naive["core"] / ours["core"]
            for ours, naive in zip(spent[name, OURS], spent[name, NAIVE], strict=True)
        )
    interpreter = statistics.median(each["interpreter"] for all_ in spent.values() for each in all_)
    return Result(
        name="coldstart",
        repetitions=repetitions,
        measured=measured,
        ratios=ratios,
        facts={
            "bundle size, MB": sizes,
            "CPU of the interpreter before, ms": round(interpreter * 1000, 1),
        },
        notes=(
            "CPU and wall are import plus first invocation, without the interpreter's own start.",
            "Files were read once before (page cache warm); on AWS the first read adds to both.",
            "Both run under Python 3.13, which the template names, with nothing else installed.",
            "Jobs and parts that are not there are looked for; reembed_passages embeds nothing.",
            "stream_chat asks a model for four words; the model is in another process.",
        ),
    )
