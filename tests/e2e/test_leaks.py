"""Thousands of requests leave the server as it was: threads, descriptors, processes, memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice

import httpx
import psutil
import pytest

from tests.cloud import CloudProcess
from tests.e2e.driving import api_of, settled, upload
from tests.soak import often

REQUESTS = often(3_000, 160)
CLIENTS = 8
MORE_THREADS = 12
MORE_DESCRIPTORS = 64
"""Threads open a table's file when they first need it; a leak would be one for each request."""
MEBIBYTE = 1024 * 1024
MORE_MEMORY = 48 * MEBIBYTE
"""Caches fill; a leak of 20 KB a request would be 60 MB in a soak."""


@dataclass(frozen=True, slots=True)
class Held:
    """A snapshot of the server: its own threads, descriptors and memory, and all its processes."""

    threads: int
    descriptors: int
    memory: int
    processes: int

    @classmethod
    def by(cls, pid: int) -> Held:
        server = psutil.Process(pid)
        with server.oneshot():
            memory = server.memory_info().rss
            return cls(
                server.num_threads(), server.num_fds(), memory, len(server.children(recursive=True))
            )


def _settle(pid: int) -> Held:
    """Return what is held once connections have closed: the least of some seconds."""
    seen = []
    for _ in range(8):
        seen.append(Held.by(pid))
        time.sleep(0.5)
    return Held(*(min(values) for values in zip(*map(_tuple, seen), strict=True)))


def _tuple(held: Held) -> tuple[int, int, int, int]:
    return held.threads, held.descriptors, held.memory, held.processes


def _requests(api: httpx.Client, document_id: str) -> list[Callable[[], httpx.Response]]:
    """Return what users ask, well and badly."""
    return [
        lambda: api.get("/v1/documents"),
        lambda: api.get(f"/v1/documents/{document_id}"),
        lambda: api.post("/v1/search", json={"query": "high water"}),
        lambda: api.post("/v1/search", json={"query": ""}),
        lambda: api.get("/v1/documents/doc_missing"),
        lambda: api.get("/v1/usage", headers={"Authorization": "Bearer nobody"}),
        lambda: api.post("/v1/feedback", content=b"{"),
    ]


@pytest.mark.timeout(900)
def test_many_requests_should_leave_no_thread_descriptor_process_or_memory(
    cloud: CloudProcess,
) -> None:
    api = api_of(cloud)
    document_id = upload(api, "leaks.txt", b"High water is reported to the lock.", "leaks")
    assert settled(api, document_id)["status"] == "ready"
    asks = _requests(api, document_id)

    def send(count: int) -> set[int]:
        with ThreadPoolExecutor(CLIENTS) as pool:
            answers = pool.map(lambda ask: ask().status_code, islice(cycle(asks), count))
            return set(answers)

    send(len(asks) * CLIENTS * 2)
    before = _settle(cloud.pid)
    assert send(REQUESTS) <= {200, 400, 401, 403, 404}
    after = _settle(cloud.pid)
    api.close()
    assert after.threads <= before.threads + MORE_THREADS, (before, after)
    assert after.descriptors <= before.descriptors + MORE_DESCRIPTORS, (before, after)
    assert after.processes <= before.processes + 2, (before, after)
    assert after.memory <= before.memory + MORE_MEMORY, (before, after)
