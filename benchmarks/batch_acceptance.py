"""Acceptance test of a large batch under poison, throttling and a killed cloud.

Of ten thousand items three in a hundred are poison, a fifth of all calls is throttled, and the
whole cloud is killed on the way: every line comes back once, and every dollar is accounted for.

Each check raises; the counts are written as the result. Receipts are compared with the log that the
local cloud keeps of model calls at the wire, which knows nothing of batches.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from benchmarks.batch_driving import begin, ended, fault, files_of, job_of, seconds_of, uploaded
from benchmarks.reporting import Result, spread
from benchmarks.running_cloud import Caller, until
from chalicelib.batches import rounds
from localcloud.faults import PATH as FAULTS
from localcloud.model_usage import FILE as USAGE
from tests.cloud import CloudProcess

ITEMS_A_REPETITION = 1_000
POISON_IN_A_HUNDRED = 3
THROTTLED = 0.2
CHILDREN = max(2, os.cpu_count() or 1)
"""Functions that the local cloud lets answer a batch at once."""
IN_FLIGHT = CHILDREN * rounds.IN_FLIGHT
KILLED_AT = 0.4
"""What share of the items has an outcome when the cloud is killed."""
Line = Mapping[str, Any]


def measure(repetitions: int) -> Result:
    """Run a batch of `repetitions` thousand items through all checks."""
    counted = accepted(repetitions * ITEMS_A_REPETITION)
    return Result(
        name="batch_acceptance",
        repetitions=repetitions,
        measured={
            "items a second, throttling, poison, the kill and the start after it included": spread(
                [counted.items / counted.seconds], "items/s"
            )
        },
        facts=counted.facts(),
        notes=(
            "In flight is a call that was made and whose outcome is not written: ten of a child.",
            "Killed is the whole local cloud with its functions, by SIGKILL.",
        ),
    )


@dataclass(frozen=True, slots=True)
class Accepted:
    """Counts of a batch that passed every check."""

    items: int
    done: int
    failed: int
    seconds: float
    answered: int
    throttled: int
    repeated: int
    tokens: int
    tokens_at_wire: int
    dollars: Decimal

    def facts(self) -> dict[str, Any]:
        """Return the counts by name."""
        return {
            "lines": self.items,
            "results": self.done,
            "errors": self.failed,
            "calls that were throttled": self.throttled,
            "calls that were answered": self.answered,
            f"calls that were answered twice, of {IN_FLIGHT} in flight at the kill": self.repeated,
            "tokens by the receipts": self.tokens,
            "tokens at the wire": self.tokens_at_wire,
            "dollars of the model": f"{self.dollars:f}",
            "seconds": round(self.seconds, 1),
        }


def lines(count: int) -> list[str]:
    """Return items, of which three in each hundred are poison.

    Those have no text, are not JSON, or have an unknown field.
    """
    return [_line(n) for n in range(count)]


def is_poison(n: int) -> bool:
    """Return whether line `n` is poison."""
    return n % 100 in (7, 41, 83)


def _line(n: int) -> str:
    match n % 100:
        case 7:
            return json.dumps({"id": f"i{n}", "texts": []})
        case 41:
            return f'{{"id": "i{n}", "texts": ["broken'
        case 83:
            return json.dumps({"id": f"i{n}", "texts": ["Pump."], "colour": "red"})
    return json.dumps({"id": f"i{n}", "texts": [f"Pump {n} hums, and its seal is of {n % 90}."]})


def accepted(count: int) -> Accepted:
    """Run a batch of `count` lines, kill the cloud on the way, and check the results."""
    with tempfile.TemporaryDirectory(prefix="headrace-batch-") as folder:
        cloud = CloudProcess(Path(folder) / "cloud", account="laptop").start()
        try:
            return run(cloud, count)
        finally:
            cloud.stop()


def run(cloud: CloudProcess, count: int, latency_ms: int = 0) -> Accepted:
    """Run a batch on `cloud`, with `latency_ms` added to each call."""
    with _caller(cloud) as caller:
        _faults(cloud, latency_ms)
        batch_id = uploaded(caller, lines(count))
        begin(caller, batch_id)
        _reached(caller, batch_id, round(KILLED_AT * count))
    before = len(_answered(cloud))
    throttled = _throttled(cloud)
    cloud.kill()
    cloud.start()
    _faults(cloud, latency_ms)
    with _caller(cloud) as caller:
        job = ended(caller, batch_id)
        files = files_of(job)
        counted = caller.api.get("/v1/usage", params={"by": "model"}).json()["total"]
        budgeted(job, counted)
    throttled += _throttled(cloud)
    checked(job, files, count)
    wire = _answered(cloud)
    if not 0 < before < len(wire):
        raise RuntimeError(f"the kill was not in the middle: {before} of {len(wire)} calls")
    return held(job, files, count, wire, throttled)


def _faults(cloud: CloudProcess, latency_ms: int) -> None:
    fault(cloud, "busy", error="ThrottlingException", rate=THROTTLED, seed=3)
    if latency_ms:
        fault(cloud, "slow", latency_ms=latency_ms)


def checked(job: Mapping[str, Any], files: Mapping[str, Sequence[Line]], count: int) -> None:
    """Raise if a line is missing, repeated or out of order, or if counts do not add up."""
    good = [f"i{n}" for n in range(count) if not is_poison(n)]
    bad = [n + 1 for n in range(count) if is_poison(n)]
    if [line["id"] for line in files["results.jsonl"]] != good:
        raise RuntimeError("the results are not the items, each once and in order")
    if [line["line"] for line in files["errors.jsonl"]] != bad:
        raise RuntimeError("the errors are not the poison, each once and in order")
    counts = job["counts"]
    if (counts["total"], counts["done"], counts["failed"]) != (count, len(good), len(bad)):
        raise RuntimeError(f"the counts are {counts}")
    failed = [line["receipt"] for line in files["errors.jsonl"] if "receipt" in line]
    receipts = [line["generation"]["receipt"] for line in files["results.jsonl"]] + failed
    models = [line for line in job["receipt"]["lines"] if line["role"] == "embedding"]
    for measure_ in ("tokens_in", "dollars"):
        of_items = sum(Decimal(receipt[measure_]) for receipt in receipts)
        of_job = sum(Decimal(line[measure_]) for line in models)
        if of_items != of_job or not of_job:
            raise RuntimeError(f"{measure_}: items have {of_items}, and the job {of_job}")


def budgeted(job: Mapping[str, Any], counted: Mapping[str, Any]) -> None:
    """Raise if the tenant's budget has `counted` another amount than the receipts.

    Reservations of children that were killed are settled by what they had written.
    """
    models = [line for line in job["receipt"]["lines"] if line["role"] == "embedding"]
    for measure_ in ("tokens_in", "dollars"):
        of_job = sum(Decimal(line[measure_]) for line in models)
        if Decimal(counted[measure_]) != of_job:
            raise RuntimeError(f"{measure_}: the budget has {counted[measure_]}, the job {of_job}")
    if counted["requests"] != job["counts"]["done"]:
        raise RuntimeError(f"the budget has {counted['requests']} calls that were answered")


def held(
    job: Mapping[str, Any],
    files: Mapping[str, Sequence[Line]],
    count: int,
    wire: Sequence[Line],
    throttled: int,
) -> Accepted:
    """Raise unless the wire's calls are those of the receipts, plus those the kill repeated."""
    done = int(job["counts"]["done"])
    repeated = len(wire) - done
    if not 0 <= repeated <= IN_FLIGHT:
        raise RuntimeError(f"{repeated} calls were answered twice, and {IN_FLIGHT} in flight")
    models = [line for line in job["receipt"]["lines"] if line["role"] == "embedding"]
    tokens, at_wire = sum(line["tokens_in"] for line in models), sum(c["tokens_in"] for c in wire)
    most = max(call["tokens_in"] for call in wire)
    if not 0 <= at_wire - tokens <= repeated * most:
        raise RuntimeError(f"the receipts have {tokens} tokens, and the wire {at_wire}")
    return Accepted(
        items=count,
        done=done,
        failed=len(files["errors.jsonl"]),
        seconds=seconds_of(job),
        answered=len(wire),
        throttled=throttled,
        repeated=repeated,
        tokens=tokens,
        tokens_at_wire=at_wire,
        dollars=sum((Decimal(line["dollars"]) for line in models), Decimal(0)),
    )


@contextmanager
def _caller(cloud: CloudProcess) -> Iterator[Caller]:
    headers = {"Authorization": f"Bearer {cloud.api_key}"}
    with httpx.Client(base_url=cloud.endpoint_url, headers=headers, timeout=60) as api:
        yield Caller(cloud, api)


def _reached(caller: Caller, batch_id: str, done: int) -> None:
    def enough() -> bool:
        time.sleep(1)
        job = job_of(caller, batch_id)
        if job is not None and job["status"] not in ("queued", "running"):
            raise RuntimeError(f"the batch ended before the kill: {job['status']}")
        return job is not None and job["counts"]["done"] >= done

    until(enough, f"{done} items to be done", 3_600)


def _answered(cloud: CloudProcess) -> list[Line]:
    """Return the calls that were answered, by the log at the wire."""
    return [line for line in _log(cloud) if line["outcome"] == "answered"]


def _throttled(cloud: CloudProcess) -> int:
    shown = httpx.get(f"{cloud.endpoint_url}{FAULTS}").json()["faults"]
    return sum(each["counts"]["failed"] for each in shown)


def _log(cloud: CloudProcess) -> list[Line]:
    file = cloud.data_dir / "bedrock" / USAGE
    return [json.loads(line) for line in file.read_text().splitlines()]
