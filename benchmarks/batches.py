"""A batch of embeddings compared with a plain asyncio loop over the same models.

Both call the local cloud's stand-in for the same model, sixteen calls at a time: as fast as it
answers, and with the latency of a Bedrock model added to every call. Costs are compared, too.
Transitions are counted as AWS bills a Standard workflow: each state that is entered, and each child
that is started.
"""

from __future__ import annotations

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.config import Config

from benchmarks.batch_costs import cost_facts
from benchmarks.batch_driving import (
    MODEL_ID,
    begin,
    ended,
    fault,
    lines_of,
    no_faults,
    seconds_of,
    uploaded,
)
from benchmarks.reporting import Result, Spread, spread
from benchmarks.running_cloud import Caller, running_cloud
from chalicelib.batches.rounds import THREADS
from tests import clients

ITEMS = 1_200
AT_ONCE = 2 * THREADS
"""Calls at a time: the local cloud runs two children at once."""
LATENCIES_MS = (1_000, 300, 0)
"""What is added to each call: what a short answer takes a model, what a few words do, nothing."""


def measure(repetitions: int) -> Result:
    """Answer `ITEMS` in both ways in turn, `repetitions` times at each latency."""
    measured: dict[str, Spread] = {}
    ratios: dict[str, float] = {}
    texts = [f"Pump {n} hums, and its seal was renewed in year {n % 90}." for n in range(ITEMS)]
    with running_cloud() as caller:
        _batch(caller, texts[:50])
        for latency in LATENCIES_MS:
            kind = f"{latency} ms added to each call" if latency else "a model that answers at once"
            no_faults(caller.cloud)
            if latency:
                fault(caller.cloud, "slow", latency_ms=latency)
            batch_s, loop_s = [], []
            for _ in range(repetitions):
                seconds, job = _batch(caller, texts)
                batch_s.append(seconds)
                loop_s.append(asyncio.run(_loop(caller, texts)))
            measured[f"a batch, {kind}"] = spread([ITEMS / each for each in batch_s], "items/s")
            measured[f"a loop, {kind}"] = spread([ITEMS / each for each in loop_s], "items/s")
            ratios[f"a batch to a loop, {kind}"] = sum(loop_s) / sum(batch_s)
        entered = _entered(caller, job["job_id"])
    return Result(
        name="batches",
        repetitions=repetitions,
        measured=measured,
        ratios=ratios,
        facts={"items": ITEMS, "calls at once": AT_ONCE, **cost_facts(job, entered, ITEMS)},
        notes=(
            "The loop keeps nothing, bears no throttling, spends no budget and checks nothing.",
            "A batch is timed from its order to its end: reading, answering and putting together.",
            "All of it runs on the same cores: the models, the cloud, the batch and the loop.",
        ),
    )


def _batch(caller: Caller, texts: list[str]) -> tuple[float, dict[str, Any]]:
    """Run a batch; return its duration from beginning to end, and the job."""
    batch_id = uploaded(caller, lines_of(texts))
    begin(caller, batch_id)
    job = ended(caller, batch_id)
    if job["status"] != "succeeded":
        raise RuntimeError(f"the batch is {job['status']}: {job['error']}")
    return seconds_of(job), job


async def _loop(caller: Caller, texts: list[str]) -> float:
    """Embed all texts, sixteen at a time, as a script would; return the duration."""
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=AT_ONCE)
    client = clients.client(
        "bedrock-runtime", endpoint_url=caller.cloud.endpoint_url, config=config
    )

    def ask(text: str) -> int:
        answer = client.invoke_model(modelId=MODEL_ID, body=json.dumps({"inputText": text}))
        return len(json.loads(answer["body"].read())["embedding"])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        began = time.perf_counter()
        running = asyncio.get_running_loop()
        sizes = await asyncio.gather(*(running.run_in_executor(pool, ask, text) for text in texts))
    client.close()
    if not all(sizes):
        raise RuntimeError("a vector is empty")
    return time.perf_counter() - began


def _entered(caller: Caller, job_id: str) -> int:
    """Return how many states the job's own execution entered."""
    states = caller.cloud.client("stepfunctions")
    machine = caller.cloud.outputs["BatchMachineArn"]
    listed = states.list_executions(stateMachineArn=machine, maxResults=1000)["executions"]
    (arn,) = [each["executionArn"] for each in listed if each["name"] == f"{job_id}-1"]
    pages = states.get_paginator("get_execution_history").paginate(executionArn=arn)
    return sum(event["type"].endswith("StateEntered") for page in pages for event in page["events"])
