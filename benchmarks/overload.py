"""Overload: requests answered a second by few and by many clients, and how fast others are refused.

Searches are the load on which the most requests at once were chosen, by 16 and by 200 clients.
Reads of a document's record are another, by 24 and by 400. Each client makes one request after
another. One that is refused waits as it is told by
`Retry-After`, twice as long each time that it is refused again, as clients of AWS and OpenAI do.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any
from urllib.parse import urlsplit

import psutil

from benchmarks.reporting import Result, Spread, spread
from benchmarks.running_cloud import Caller, running_cloud
from benchmarks.small_documents import markdown, question

CLIENTS = (16, 200)
OTHER_CLIENTS = (24, 400)
DOCUMENTS = 20
LOAD_S = 60.0
WARM_UP_S = 10.0
SETTLE_S = 5.0
"""Seconds between two loads, in which what the first left waiting ends."""

_MAX_WAIT_S = 16.0
_REFUSALS = frozenset({429, 503})
_SEED = 20_261


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of an HTTP answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Workload:
    """Requests by few and by many clients; `prefix` goes before the names of its figures."""

    prefix: str
    clients: tuple[int, int]
    request: Callable[[int], bytes]


@dataclass(slots=True)
class Load:
    """The outcome of one load."""

    statuses: Counter[int] = field(default_factory=Counter)
    refused_s: list[float] = field(default_factory=list)
    told_when: int = 0
    by_gateway: int = 0
    cpu_s: float = 0.0

    @property
    def goodput(self) -> float:
        """Answers a second."""
        return self.statuses[200] / LOAD_S


Loads = Mapping[int, list[Load]]
"""Loads by the number of clients."""


def measure(repetitions: int) -> Result:
    """Load a cloud with each number of clients in turn, `repetitions` times."""
    with running_cloud() as caller:
        documents = _fill(caller)
        searches = Workload("", CLIENTS, partial(_search, caller))
        reads = Workload("reads, ", OTHER_CLIENTS, partial(_read_document, caller, documents))
        asyncio.run(_load(caller, searches, CLIENTS[0], _rng(_SEED), WARM_UP_S))
        outcomes = [(each, _loads(caller, each, repetitions)) for each in (searches, reads)]
    return Result(
        name="overload",
        repetitions=repetitions,
        measured={
            name: found
            for workload, loads in outcomes
            for name, found in _measured(workload, loads).items()
        },
        facts={
            name: fact
            for workload, loads in outcomes
            for name, fact in _facts(workload, loads).items()
        },
        notes=(
            f"A load takes {LOAD_S:g} s; the clients run on the same processors as the cloud.",
            "A shared machine sways answers a second; CPU an answer counts refusals and no others.",
            "A refused client waits Retry-After, doubled with each refusal in a row, at most 16 s.",
        ),
    )


def _loads(caller: Caller, workload: Workload, repetitions: int) -> Loads:
    loads: dict[int, list[Load]] = {clients: [] for clients in workload.clients}
    for repetition in range(repetitions):
        for clients in workload.clients:
            time.sleep(SETTLE_S)
            before = _cpu_s(caller)
            load = asyncio.run(_load(caller, workload, clients, _rng(_SEED + repetition), LOAD_S))
            load.cpu_s = _cpu_s(caller) - before
            loads[clients].append(load)
    return loads


def _measured(workload: Workload, loads: Loads) -> dict[str, Spread]:
    _, most = workload.clients
    refused = [seconds * 1000 for load in loads[most] for seconds in load.refused_s]
    found = {
        **{
            f"{clients} clients, answers": spread([each.goodput for each in loads[clients]], "/s")
            for clients in workload.clients
        },
        **{
            f"{clients} clients, CPU of the cloud an answer": spread(
                [1000 * each.cpu_s / each.statuses[200] for each in loads[clients]], "ms"
            )
            for clients in workload.clients
        },
        **({f"{most} clients, a refusal": spread(refused, "ms")} if refused else {}),
    }
    return {workload.prefix + name: each for name, each in found.items()}


def _facts(workload: Workload, loads: Loads) -> dict[str, Any]:
    least, most = workload.clients
    few, many = loads[least], loads[most]
    statuses = sum((each.statuses for each in many), Counter[int]())
    refusals = sum(statuses[status] for status in _REFUSALS)
    longest = max((seconds for each in many for seconds in each.refused_s), default=0.0)
    found: dict[str, Any] = {
        f"goodput at {most} clients over that at {least}": round(
            sum(each.goodput for each in many) / sum(each.goodput for each in few), 2
        ),
        f"answers a CPU second at {most} clients over that at {least}": round(
            _answers_a_cpu_second(many) / _answers_a_cpu_second(few), 2
        ),
        f"statuses at {most} clients": {str(key): statuses[key] for key in sorted(statuses)},
        "refusals with Retry-After": f"{sum(each.told_when for each in many)} of {refusals}",
        "refusals by the gateway itself": sum(each.by_gateway for each in many),
        "longest refusal, ms": round(1000 * longest),
    }
    return {workload.prefix + name: fact for name, fact in found.items()}


def _rng(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - the same load each time


def _answers_a_cpu_second(loads: list[Load]) -> float:
    return sum(each.statuses[200] for each in loads) / sum(each.cpu_s for each in loads)


def _cpu_s(caller: Caller) -> float:
    """Return the CPU seconds of the cloud and its functions, refusals included."""
    cloud = psutil.Process(caller.cloud.pid)
    times = [each.cpu_times() for each in (cloud, *cloud.children(recursive=True))]
    return float(sum(each.user + each.system for each in times))


def _fill(caller: Caller) -> list[str]:
    """Ingest documents that the questions are about; return their ids."""
    announced = []
    for number in range(DOCUMENTS):
        content = markdown(number)
        document = caller.announce(f"sluice-{number}.md", content, "default")
        caller.post(document, content)
        announced.append(document["document_id"])
    for document_id in announced:
        caller.settled(document_id, patience_s=600)
    return announced


async def _load(
    caller: Caller, workload: Workload, clients: int, rng: Random, seconds: float
) -> Load:
    load = Load()
    seeds = [rng.randrange(2**32) for _ in range(clients)]
    until = time.monotonic() + seconds
    await asyncio.gather(*(_client(caller, workload, load, _rng(seed), until) for seed in seeds))
    return load


async def _client(
    caller: Caller, workload: Workload, load: Load, rng: Random, until: float
) -> None:
    refusals = 0
    await asyncio.sleep(rng.random())
    address = urlsplit(caller.cloud.endpoint_url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    while time.monotonic() < until:
        request = workload.request(rng.randrange(DOCUMENTS))
        begun = time.monotonic()
        writer.write(request)
        answer = await _read_answer(reader)
        ended = time.monotonic()
        if ended <= until:
            _count(load, answer, ended - begun)
        refusals = refusals + 1 if answer.status in _REFUSALS else 0
        if refusals:
            told_s = float(answer.headers.get("retry-after", "1"))
            wait_s = min(_MAX_WAIT_S, told_s * 2 ** (refusals - 1)) * (0.5 + rng.random())
            await asyncio.sleep(min(wait_s, max(0.0, until - time.monotonic())))
    writer.close()


def _search(caller: Caller, number: int) -> bytes:
    """Return a search for what document `number` says."""
    return _request(caller, "POST /v1/search", json.dumps({"query": question(number)}).encode())


def _read_document(caller: Caller, documents: Sequence[str], number: int) -> bytes:
    """Return a request for the record of document `number`."""
    return _request(caller, f"GET /v1/documents/{documents[number]}", b"")


def _request(caller: Caller, line: str, body: bytes) -> bytes:
    """Return a request as bytes: a client library would take as much of the processor as it."""
    head = (
        f"{line} HTTP/1.1\r\nHost: {urlsplit(caller.cloud.endpoint_url).netloc}\r\n"
        f"Authorization: Bearer {caller.cloud.api_key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _read_answer(reader: asyncio.StreamReader) -> Answer:
    status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    await reader.readexactly(int(headers["content-length"]))
    return Answer(int(status.split()[1]), headers)


def _count(load: Load, answer: Answer, seconds: float) -> None:
    load.statuses[answer.status] += 1
    if answer.status in _REFUSALS:
        load.refused_s.append(seconds)
        load.told_when += "retry-after" in answer.headers
        load.by_gateway += "x-amzn-errortype" in answer.headers
