"""Markdown of the benchmarks against other software: ingest, search and memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

PARTS = ("read", "chunk", "embed", "write", "first search")
OURS, THEIRS, GIVEN = "ours", "LlamaIndex", "LlamaIndex, our embedder"
LOADING = "first query loads the index, seconds"
KINDS = {"pdf": "PDF", "docx": "DOCX"}

Found = Mapping[str, Any]


def ingest(found: Found) -> Iterator[str]:
    """Yield rates, parts, and the duration and costs of the cloud."""
    measured = found["measured"]
    yield "| pages a core-second | ours | LlamaIndex | ours : theirs | theirs with our embedder |"
    yield "| --- | --- | --- | --- | --- |"
    for kind, shown in KINDS.items():
        rates = {side: measured[f"{kind}, {side}"]["median"] for side in (OURS, THEIRS, GIVEN)}
        times = _times(measured[f"{kind}, ours against {THEIRS}"])
        given = _times(measured[f"{kind}, ours against {GIVEN}"])
        row = f"| {shown} | {rates[OURS]:.1f} | {rates[THEIRS]:.1f} | {times} "
        yield row + f"| {rates[GIVEN]:.1f}; ours : it {given} |"
    yield ""
    sides = [(kind, side) for kind in KINDS for side in (OURS, THEIRS)]
    heads = " | ".join(f"{KINDS[kind]}, {side}" for kind, side in sides)
    yield f"| milliseconds of CPU a page | {heads} |"
    yield "| --- |" + " --- |" * len(sides)
    for part in PARTS:
        cells = (f"{measured[f'{kind}, {side}, {part}']['median']:.1f}" for kind, side in sides)
        yield f"| {part} | {' | '.join(cells)} |"
    yield ""
    yield "| through the whole local cloud | pages/s, by the clock | dollars a thousand pages |"
    yield "| --- | --- | --- |"
    ending = ", whole cloud"
    for name in (name.removesuffix(ending) for name in measured if name.endswith(ending)):
        rate = measured[f"{name}{ending}"]["median"]
        dollars = measured[f"{name}, a thousand pages"]["median"]
        pages = found["facts"][f"{name}, pages a file"]
        yield f"| {name}, {pages} pages a file | {rate:.2g} | {dollars:.4f} |"


def _times(spread: Mapping[str, float]) -> str:
    return f"{spread['median']:.2f} ({spread['p10']:.2f} to {spread['p90']:.2f})"


def search(found: Found) -> Iterator[str]:
    """Yield medians and the 95th percentile of each turn, by size."""
    names = [name.partition(" chunks, ") for name in found["measured"]]
    sizes = list(dict.fromkeys(size for size, _, _ in names))
    yield "| milliseconds | " + " | ".join(f"{size} chunks, p50 | p95" for size in sizes) + " |"
    yield "| --- |" + " --- |" * (2 * len(sizes))
    for turn in dict.fromkeys(turn for _, _, turn in names):
        cells = (
            f"{found['measured'][f'{size} chunks, {turn}'][which]:.1f}"
            for size in sizes
            for which in ("median", "p95")
        )
        yield f"| {turn} | {' | '.join(cells)} |"
    yield ""
    loading = [found["facts"][f"{size} chunks, {LOADING}"] for size in sizes]
    yield (
        "The first query after a start reads the index into memory, once: "
        + " and ".join(f"{seconds:.1f} s" for seconds in loading)
        + "."
    )


def memory(found: Found) -> Iterator[str]:
    """Yield the peaks by file, ours by steps."""
    measured = found["measured"]
    yield "| MiB at most | ours, plan | read | chunk | LlamaIndex, loading |"
    yield "| --- | --- | --- | --- | --- |"
    ending = f", {THEIRS}"
    for name in (name.removesuffix(ending) for name in measured if name.endswith(ending)):
        columns = (*(f"{name}, ours, {step}" for step in ("plan", "read", "chunk")), name + ending)
        cells = (
            f"{measured[column]['median']:.0f}" if column in measured else "-" for column in columns
        )
        yield f"| {name} | {' | '.join(cells)} |"
    yield ""
    first = next(iter(measured)).split(",")[0]
    before = [found["facts"][f"{first}, MiB before, {side}"] for side in (OURS, THEIRS)]
    yield f"Libraries and models alone: {before[0]} MiB on our side, {before[1]} MiB on theirs."
