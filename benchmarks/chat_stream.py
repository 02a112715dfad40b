"""Latency of the first and last token of a chat completion, warm.

Through the gateway, the function that streams and all that a generation does (the plan, the budget,
the turn, the receipt), beside the same question asked of the backend alone by boto3. Who asks first
changes with each repetition. Both tell the same words, since the temperature is 0.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from typing import Any

from benchmarks.reporting import Result, spread
from benchmarks.running_cloud import Caller, running_cloud

WARM_UP = 3
MODEL, BEHIND = "nova-micro", "amazon.nova-micro-v1:0"
QUESTION = "Tell a story about a turbine."
MAX_TOKENS = 48

Times = dict[str, float]


def measure(repetitions: int) -> Result:
    """Ask in both ways in turn, `repetitions` times after a warm-up."""
    times: dict[str, list[Times]] = defaultdict(list)
    with running_cloud() as caller:
        ways = {"through the API": _through_api, "the backend alone": _alone}
        cold = _through_api(caller)["first token"]
        for repetition in range(-WARM_UP, repetitions):
            names = sorted(ways, reverse=repetition % 2 == 0)
            answers = {name: ways[name](caller) for name in names}
            if len({found["pieces"] for found in answers.values()}) != 1:
                raise RuntimeError(f"the two ways told different answers: {answers}")
            if repetition >= 0:
                for name, found in answers.items():
                    times[name].append(found)
    measured = {
        f"{name}, {part}": spread([each[part] * 1000 for each in found], "ms")
        for name, found in times.items()
        for part in ("first token", "last token")
    }
    added = [
        one["first token"] - other["first token"]
        for one, other in zip(*(times[name] for name in ways), strict=True)
    ]
    measured["added until the first token"] = spread([each * 1000 for each in added], "ms")
    return Result(
        name="chat_stream",
        repetitions=repetitions,
        measured=measured,
        facts={
            "first token of the first request, every function cold, seconds": round(cold, 2),
            "pieces of an answer": int(times["the backend alone"][0]["pieces"]),
        },
        notes=(
            f"{MAX_TOKENS} tokens of the local stand-in of {MODEL}, temperature 0, one at a time.",
            "The last token is seen with the reason why the answer ended, before its receipt.",
            "What is added is paired: the two ways of the same repetition.",
        ),
    )


def _through_api(caller: Caller) -> Times:
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": QUESTION}],
        "max_tokens": MAX_TOKENS,
        "temperature": 0,
        "stream": True,
    }
    began, seen = time.perf_counter(), _Seen()
    with caller.api.stream("POST", "/v1/chat/completions", json=body) as answer:
        answer.raise_for_status()
        for line in answer.iter_lines():
            if line.startswith("data: {"):
                for choice in json.loads(line.removeprefix("data: "))["choices"]:
                    seen.take(choice["delta"].get("content", ""))
    return seen.times(began)


def _alone(caller: Caller) -> Times:
    client = caller.cloud.client("bedrock-runtime")
    began, seen = time.perf_counter(), _Seen()
    answer: Any = client.converse_stream(
        modelId=BEHIND,
        messages=[{"role": "user", "content": [{"text": QUESTION}]}],
        inferenceConfig={"maxTokens": MAX_TOKENS, "temperature": 0},
    )
    for event in answer["stream"]:
        seen.take(event.get("contentBlockDelta", {}).get("delta", {}).get("text", ""))
    return seen.times(began)


class _Seen:
    """Arrival times of the pieces of an answer."""

    def __init__(self) -> None:
        self._at: list[float] = []

    def take(self, text: str) -> None:
        """Record a piece that has text."""
        if text:
            self._at.append(time.perf_counter())

    def times(self, began: float) -> Times:
        """Return the seconds until the first and the last piece, and the number of pieces."""
        if not self._at:
            raise RuntimeError("nothing was answered")
        first, last = self._at[0] - began, self._at[-1] - began
        return {"first token": first, "last token": last, "pieces": len(self._at)}
