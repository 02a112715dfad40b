"""Workload of the functions that call models: chats, screens and a file of calls."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from PIL import Image

from benchmarks.running_cloud import Caller

FEW_CALLS = 3
MANY_CALLS = 300
BATCHED = 100
"""The fewest records that a batch job of Bedrock takes."""
TWO_DAYS_S = 48 * 3600
SHORT = {"max_tokens": 4, "temperature": 0}
SIDE = 640
CODE: Mapping[str, Any] = {
    "prompt": "Write f.",
    "allow_truncation": True,
    "code": {"entry_point": "f", "tests": "def check(candidate):\n    assert candidate(1) == 2\n"},
    **SHORT,
}
"""A line whose answer is run as code."""


@dataclass(frozen=True, slots=True)
class Generations:
    """Calls of models; `ended` waits for the end of a job."""

    caller: Caller
    ended: Callable[[str], None]

    def small(self, number: int) -> None:
        """Have each function that answers calls answer one."""
        said = f"Say: {number}"
        self._post("/v1/generations", {"prompt": said, "allow_truncation": True, **SHORT})
        messages = [{"role": "user", "content": said}]
        self._post("/v1/chat/completions", {"model": "auto", "messages": messages, **SHORT})
        shown = {"type": "image_url", "image_url": {"url": _picture(number)}}
        self._post("/v1/moderations", {"input": [{"type": "text", "text": said}, shown]})
        job = self._post(
            "/v1/generations/jobs", {"task": "embedding", "model": "minilm-l6-v2", "texts": [said]}
        )
        self.ended(str(job["job_id"]))
        self.vectors(FEW_CALLS)
        self._batch([{**CODE, "id": str(number)}], {"model": "nova-micro"})

    def large(self) -> None:
        """Have larger files of calls answered, one of them by a batch job of Bedrock."""
        self.vectors(MANY_CALLS)
        lines = [{"id": f"n{n}", "prompt": f"Say: {n}", "max_tokens": 2} for n in range(BATCHED)]
        later = {"service_tier": "batch", "deadline_seconds": TWO_DAYS_S, "keep_truncated": True}
        self._batch(lines, {"model": "nova-micro", **later})

    def vectors(self, calls: int) -> None:
        """Have a file of that many calls answered by vectors, which no other model delays."""
        lines = [{"id": f"n{n}", "texts": [f"Passage {n}."]} for n in range(calls)]
        self._batch(lines, {"model": "minilm-l6-v2"})

    def _batch(self, lines: Sequence[Mapping[str, Any]], order: Mapping[str, Any]) -> None:
        content = "\n".join(map(json.dumps, lines)).encode()
        made = self._post("/v1/generations/batches/uploads", {"bytes": len(content)})
        form = made["upload"]
        sent = httpx.post(form["url"], data=form["fields"], files={"file": content}, timeout=60)
        sent.raise_for_status()
        body = {"batch_id": made["batch_id"], **order}
        self.ended(str(self._post("/v1/generations/batches", body)["job_id"]))

    def _post(self, path: str, body: object) -> dict[str, Any]:
        answer = self.caller.api.post(path, json=body)
        answer.raise_for_status()
        told: dict[str, Any] = answer.json()
        return told


def _picture(number: int) -> str:
    """Return a picture as a `data:` URL: stripes, of another width for each number."""
    picture = Image.new("RGB", (SIDE, SIDE))
    picture.putdata([(x * number % 256, x % 256, 90) for _ in range(SIDE) for x in range(SIDE)])
    written = io.BytesIO()
    picture.save(written, "PNG")
    return f"data:image/png;base64,{base64.b64encode(written.getvalue()).decode()}"
