"""Client of a batch: upload and start it, wait for it, and download its files."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import httpx

from benchmarks.running_cloud import Caller, until
from localcloud.faults import PATH as FAULTS
from tests.cloud import CloudProcess

MODEL = "titan-embed-text-v2"
MODEL_ID = "amazon.titan-embed-text-v2:0"
PATIENCE_S = 5_400.0
LOOK_S = 3.0
"""A look lists all outcomes: who looks often takes time from what is being waited for."""
URL = "/v1/generations/batches"
_OPEN = ("queued", "running")


def lines_of(texts: Iterable[str]) -> list[str]:
    """Return a line for each text, with its number as id."""
    return [json.dumps({"id": f"i{n}", "texts": [text]}) for n, text in enumerate(texts)]


def uploaded(caller: Caller, lines: Iterable[str]) -> str:
    """Upload a file as a browser would; return the id of its batch, which is not started."""
    body = ("\n".join(lines) + "\n").encode()
    announced = caller.api.post(f"{URL}/uploads", json={"bytes": len(body)})
    announced.raise_for_status()
    caller.post(announced.json(), body)
    return str(announced.json()["batch_id"])


def begin(caller: Caller, batch_id: str, **options: Any) -> None:
    """Start the uploaded batch."""
    order = {"batch_id": batch_id, "model": MODEL, **options}
    caller.api.post(URL, json=order).raise_for_status()


def job_of(caller: Caller, batch_id: str) -> dict[str, Any] | None:
    """Return the job, or None if the API does not answer: a worker may have been killed."""
    answer = caller.api.get(f"/v1/jobs/{batch_id}")
    if answer.is_server_error:
        return None
    answer.raise_for_status()
    job: dict[str, Any] = answer.json()
    return job


def ended(caller: Caller, batch_id: str, patience_s: float = PATIENCE_S) -> dict[str, Any]:
    """Return the job once it has ended."""

    def look() -> dict[str, Any] | None:
        time.sleep(LOOK_S)
        job = job_of(caller, batch_id)
        return None if job is None or job["status"] in _OPEN else job

    return until(look, "the batch to end", patience_s)


def seconds_of(job: Mapping[str, Any]) -> float:
    """Return the duration of a job by its own record, from its creation to its end."""
    ended, began = (datetime.fromisoformat(job[name]) for name in ("updated_at", "created_at"))
    return (ended - began).total_seconds()


def files_of(job: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the lines of each result file; raise if one has another length than stated."""
    contents = {}
    for result in job["results"]:
        answer = httpx.get(result["url"], timeout=120)
        answer.raise_for_status()
        if len(answer.content) != result["bytes"]:
            raise RuntimeError(f"{result['name']} has {len(answer.content)} bytes.")
        if result["name"].endswith(".jsonl"):
            contents[result["name"]] = [json.loads(line) for line in answer.text.splitlines()]
    return contents


def fault(cloud: CloudProcess, name: str, **what: Any) -> None:
    """Set a fault for the calls of models."""
    body = {"service": "bedrock-runtime", **what}
    httpx.put(f"{cloud.endpoint_url}{FAULTS}/{name}", json=body).raise_for_status()


def no_faults(cloud: CloudProcess) -> None:
    """Remove all faults."""
    httpx.delete(f"{cloud.endpoint_url}{FAULTS}").raise_for_status()
