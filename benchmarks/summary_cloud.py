"""The sections of the benchmarks of the local cloud: searches, overload, Map Runs, its folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

Found = Mapping[str, Any]

_MOMENTS = {
    "stored": "KiB a document",
    "deleted": "KiB a document, once deleted",
    "after another start": "KiB a document, after another start",
}


def search_cpu(found: Found) -> Iterator[str]:
    """Yield a row per process, beside the other checkout's where it was measured."""
    yield "| ms of CPU a search, 2,000 chunks | median | p10 to p90 |"
    yield "| --- | --- | --- |"
    for name, each in found["measured"].items():
        yield f"| {name} | {each['median']:.1f} | {each['p10']:.1f} to {each['p90']:.1f} |"
    for name, value in found["ratios"].items():
        low, high = found["facts"][f"{name}, 95 % interval"]
        yield ""
        yield f"In pairs, {name}: {value:.2f} (95 % of resamples {low:.2f} to {high:.2f})."


def overload(found: Found) -> Iterator[str]:
    """Yield a row per load, and how refusals were told."""
    yield "| answered a second | median | least to most | ms of CPU an answer |"
    yield "| --- | --- | --- | --- |"
    for prefix, what, clients in _LOADS:
        for count in clients:
            name = f"{prefix}{count} clients"
            if each := found["measured"].get(f"{name}, answers"):
                cpu = found["measured"][f"{name}, CPU of the cloud an answer"]["median"]
                yield (
                    f"| {what} by {count} clients | {each['median']:.1f} |"
                    f" {each['low']:.1f} to {each['high']:.1f} | {cpu:.1f} |"
                )
    for prefix, what, (few, many) in _LOADS:
        if f"{prefix}goodput at {many} clients over that at {few}" in found["facts"]:
            yield ""
            yield from _refusals(found, prefix, what, few, many)


_LOADS = (("", "searches", (16, 200)), ("reads, ", "reads of a document", (24, 400)))


def _refusals(found: Found, prefix: str, what: str, few: int, many: int) -> Iterator[str]:
    facts = {
        name.removeprefix(prefix): fact
        for name, fact in found["facts"].items()
        if name.startswith(prefix)
    }
    goodput = facts[f"goodput at {many} clients over that at {few}"]
    by_cpu = facts[f"answers a CPU second at {many} clients over that at {few}"]
    statuses = json.dumps(facts[f"statuses at {many} clients"])
    yield (
        f"Of {what}, {many} clients get {goodput} times the answers of {few}, and for a CPU second"
        f" of the cloud {by_cpu} times as many. Statuses: {statuses}; with `Retry-After`:"
        f" {facts['refusals with Retry-After']} refusals."
    )
    if refusal := found["measured"].get(f"{prefix}{many} clients, a refusal"):
        yield (
            f"A refusal takes {refusal['median']:.0f} ms, 95 % of them at most"
            f" {refusal['p95']:.0f} ms, the longest {facts['longest refusal, ms']} ms."
        )


def map_runs(found: Found) -> Iterator[str]:
    """Yield a row per number of items, and how long a small run takes."""
    yield "| items | ms of CPU an item | seconds |"
    yield "| --- | --- | --- |"
    for name, seconds in found["facts"].items():
        items = name.removeprefix("seconds of ").removesuffix(" items")
        cpu = found["measured"][f"CPU of an item among {items}"]["median"]
        yield f"| {items} | {cpu:.2f} | {seconds} |"
    small = found["measured"]["a Map Run of 200 items"]
    yield ""
    yield (
        f"A Map Run of 200 items takes {small['median']:.2f} s ({small['low']:.2f} to "
        f"{small['high']:.2f})."
    )


_MENTIONED_KIB = 0.1


def folder_growth(found: Found) -> Iterator[str]:
    """Yield a row per room of the folder, with its growth at each moment."""
    facts = {moment: found["facts"][name] for moment, name in _MOMENTS.items()}
    rooms = dict.fromkeys(
        room for growth in facts.values() for room, size in growth.items() if size >= _MENTIONED_KIB
    )
    yield f"| KiB a document | {' | '.join(facts)} |"
    yield f"| --- |{' --- |' * len(facts)}"
    for room in rooms:
        sizes = (f"{growth.get(room, 0):.2f}" for growth in facts.values())
        yield f"| {room} | {' | '.join(sizes)} |"
