"""Latency from the start of an upload until a search finds it, warm, by parts.

The clock starts with the presigned POST. The caller polls the document every 20 ms, and when it is
ready searches; the last search that has to find it is part of the time. The parts come from the
execution's history, whose clock is this machine's.
"""

from __future__ import annotations

import time
from collections import defaultdict
from typing import Any

from benchmarks.reporting import Result, spread
from benchmarks.running_cloud import Caller, running_cloud
from benchmarks.small_documents import KINDS, question

COLLECTION = "bench"
WARM_UP = 3

Parts = dict[str, float]


def measure(repetitions: int) -> Result:
    """Upload a Markdown file and a PDF in turn, `repetitions` times after a warm-up."""
    parts: dict[str, list[Parts]] = defaultdict(list)
    number = 0
    with running_cloud() as caller:
        for repetition in range(-WARM_UP, repetitions):
            for kind in sorted(KINDS, reverse=repetition % 2 == 0):
                number += 1
                found = _upload(caller, kind, number)
                parts[kind if repetition >= 0 else f"warming up {kind}"].append(found)
    measured = {
        f"{kind}, {part}": spread([each[part] * 1000 for each in parts[kind]], "ms")
        for kind in KINDS
        for part in parts[kind][0]
    }
    first = max(parts["warming up md"][0]["total"], parts["warming up pdf"][0]["total"])
    return Result(
        name="upload",
        repetitions=repetitions,
        measured=measured,
        facts={"first upload, every function cold, seconds": round(first, 2)},
        notes=(
            "total runs from the presigned POST's start until a search has found the document.",
            "POST ends with S3's 204; arrival (event, queue, claim) with the execution's start.",
            "To be seen is from MarkReady's end until GET says ready.",
            "The caller's own requests, every 20 ms, share the machine's cores with the pipeline.",
        ),
    )


def _upload(caller: Caller, kind: str, number: int) -> Parts:
    content = KINDS[kind](number)
    announced = caller.announce(f"sluice-{number}.{kind}", content, COLLECTION)
    document_id = announced["document_id"]
    began = time.time()
    caller.post(announced, content)
    posted = time.time()
    document = caller.settled(document_id)
    ready = time.time()
    caller.found(document_id, question(number), COLLECTION)
    ended = time.time()
    started, states, marked = states_of(caller.history(document["version"]))
    return {
        "total": ended - began,
        "POST": posted - began,
        "arrival": started - posted,
        **states,
        "to be seen": ready - marked,
        "search": ended - ready,
    }


def states_of(history: list[dict[str, Any]]) -> tuple[float, Parts, float]:
    """Return the execution's start, the duration of each state, and when it was marked ready."""
    started, marked, entered = 0.0, 0.0, 0.0
    states: Parts = {}
    for event in history:
        at = event["timestamp"].timestamp()
        if event["type"] == "ExecutionStarted":
            started = at
        elif event["type"].endswith("StateEntered"):
            entered = at
        elif event["type"].endswith("StateExited"):
            name = event["stateExitedEventDetails"]["name"]
            states[f"state {name}"] = at - entered
            marked = at if name == "MarkReady" else marked
    return started, states, marked
