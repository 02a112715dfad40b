"""A local cloud for one benchmark, and the API calls of a benchmark."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tests.cloud import CloudProcess

PATIENCE_S = 60.0
POLL_S = 0.02
SETTLED = ("ready", "rejected", "failed")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller of the API, with the cloud below it."""

    cloud: CloudProcess
    api: httpx.Client

    def functions(self) -> list[dict[str, Any]]:
        """Return the configuration of every function of the stage."""
        pages = self.cloud.client("lambda").get_paginator("list_functions").paginate()
        return [function for page in pages for function in page["Functions"]]

    def announce(self, path: str, content: bytes, collection: str) -> dict[str, Any]:
        """Request an upload of `content`; return the response."""
        body = {"path": path, "bytes": len(content), "collection": collection}
        answer = self.api.post("/v1/documents", json=body)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def post(self, announced: dict[str, Any], content: bytes) -> None:
        """Upload `content` by the presigned form of `announced`."""
        form = announced["upload"]
        httpx.post(
            form["url"], data=form["fields"], files={"file": ("upload", content)}
        ).raise_for_status()

    def settled(self, document_id: str, patience_s: float = PATIENCE_S) -> dict[str, Any]:
        """Return the document once it is ready; raise if it cannot become so."""

        def ended() -> dict[str, Any] | None:
            answer = self.api.get(f"/v1/documents/{document_id}")
            document: dict[str, Any] = answer.json()
            return document if document.get("status") in SETTLED else None

        document = until(ended, f"{document_id} to settle", patience_s)
        if document["status"] != "ready":
            raise RuntimeError(f"{document_id} is {document['status']}: {document['reason']}")
        return document

    def found(self, document_id: str, query: str, collection: str) -> None:
        """Wait until a search for `query` finds the document."""

        def finds() -> bool:
            body = {"query": query, "collection": collection}
            answer = self.api.post("/v1/search", json=body)
            if answer.is_error:
                raise RuntimeError(f"the search failed: {answer.text}")
            hits = answer.json()["hits"]
            return any(hit["document_id"] == document_id for hit in hits)

        until(finds, f"{document_id} to be found")

    def history(self, version: str) -> list[dict[str, Any]]:
        """Return the history of the execution that made `version`."""
        states = self.cloud.client("stepfunctions")
        machine = self.cloud.outputs["IngestMachineArn"]
        listed = states.list_executions(stateMachineArn=machine, maxResults=1000)["executions"]
        (arn,) = [each["executionArn"] for each in listed if each["name"].startswith(version)]
        events: list[dict[str, Any]] = states.get_execution_history(
            executionArn=arn, maxResults=1000
        )["events"]
        return events


def until(what: Callable[[], T | None], why: str, patience_s: float = PATIENCE_S) -> T:
    """Call `what` every 20 ms until it has a result. Raises TimeoutError after `patience_s`."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if answer := what():
            return answer
        time.sleep(POLL_S)
    raise TimeoutError(f"waited {patience_s:g} s for {why}")


@contextmanager
def running_cloud() -> Iterator[Caller]:
    """Yield a caller of a fresh local cloud on a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder:
        cloud = CloudProcess(Path(folder) / "cloud", account="laptop").start()
        try:
            headers = {"Authorization": f"Bearer {cloud.api_key}"}
            with httpx.Client(base_url=cloud.endpoint_url, headers=headers, timeout=60) as api:
                yield Caller(cloud, api)
        finally:
            cloud.stop()
