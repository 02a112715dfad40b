"""Markdown of the results of the benchmarks of trained models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from PIL import Image

from benchmarks.curves import Point, drawn

CURVE = "benchmarks-diffusion-steps.png"
"""The picture of `diffusion_steps`, beside the page."""

Found = Mapping[str, Any]


def diffusion_steps(found: Found) -> Iterator[str]:
    """Yield a row per way to draw, and the picture of all."""
    yield f"![The distance over CPU time of each way to draw, with intervals]({CURVE})"
    yield ""
    yield "| way | calls | right class | distance | ms of CPU a picture |"
    yield "| --- | --- | --- | --- | --- |"
    for name, way in found["facts"]["ways"].items():
        spent = found["measured"][f"{name}, CPU"]["median"]
        cells = [name, str(way["calls"]), _value(way["accuracy"], 3), _value(way["distance"], 1)]
        yield f"| {' | '.join(cells)} | {spent:.1f} |"
    yield ""
    yield (
        "In brackets 95 % intervals: of the share by Wilson, of the Fréchet distance by bootstrap"
        " around it. Fewer pictures lie farther from all real ones, so that distances of other"
        " counts are no measure for these."
    )


def diffusion_curve(found: Found) -> Image.Image:
    """Return the curve of each way's distance over its CPU time, both with intervals."""
    lines: dict[str, list[Point]] = {}
    for name, way in found["facts"]["ways"].items():
        kind, _, steps = name.partition(" ")
        low, high = way["distance"]["interval"]
        at = found["measured"][f"{name}, CPU"]["median"]
        point = Point(steps or str(way["calls"]), at, way["distance"]["value"], low, high)
        lines.setdefault(kind, []).append(point)
    return drawn(lines, "ms of CPU a picture", "Frechet distance, less is nearer to real digits")


def exported_graphs(found: Found) -> Iterator[str]:
    """Yield a row per graph, with a column per batch size."""
    graphs, batches = found["facts"]["graphs"], found["facts"]["batches"]
    heads = " | ".join(f"ours, batch {batch} | torch | torch : ours" for batch in batches)
    yield f"| graph | {heads} | apart at most |"
    yield f"| --- |{' --- | --- | --- |' * len(batches)} --- |"
    rows: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for each in graphs:
        rows.setdefault((each["recipe"], each["graph"]), []).append(each)
    for (recipe, graph), row in rows.items():
        cells = []
        for each in row:
            name = f"{recipe}, {graph}, batch {each['batch']}"
            ours, theirs = (
                found["measured"][f"{name}, {side}"]["median"] for side in ("ours", "theirs")
            )
            cells += [f"{ours:.3g}", f"{theirs:.3g}", _value(each["torch : ours"], 2)]
        apart = max(each["apart"] for each in row)
        yield f"| {recipe}, {graph} | {' | '.join(cells)} | {apart:.1g} |"
    yield ""
    yield "Milliseconds of CPU a call, of one thread."


def adapting_ways(found: Found) -> Iterator[str]:
    """Yield a row per way for the task, and one for a larger decoder."""
    yield (
        "| way | right to the letter | CPU s | : full | MiB at most | : full | learns | kept, MB |"
        " checkpoint, MB |"
    )
    yield f"|{' --- |' * 9}"
    for way, told in found["facts"]["ways"].items():
        spent, peak = (found["measured"][f"{way}, {name}"]["median"] for name in ("cpu", "peak"))
        cells = [
            way,
            _value(told["exact match"], 3),
            f"{spent:.1f}",
            _value(told["seconds : full"], 2),
        ]
        cells += [f"{peak:.0f}", _value(told["peak : full"], 2), f"{told['trainable share']:.4f}"]
        cells += [_megabytes(told["bytes kept"]), _megabytes(told["bytes of a checkpoint"])]
        yield f"| {' | '.join(cells)} |"
    larger = found["facts"]["larger"]
    yield ""
    millions = f"{larger['full']['weights'] / 1e6:.0f} million weights"
    yield f"| {millions} | a step, CPU s | MiB grown, : full | kept, MB | optimiser, MB |"
    yield f"|{' --- |' * 5}"
    for way, told in larger.items():
        step = found["measured"][f"{way}, larger, a step"]["median"]
        cells = [way, f"{step:.2f}", f"{told['grown : full']:.2f}"]
        cells += [_megabytes(told["bytes kept"]), _megabytes(told["bytes of optimiser"])]
        yield f"| {' | '.join(cells)} |"


def training_steps(found: Found) -> Iterator[str]:
    """Yield a row per recipe."""
    yield "| recipe | ours, ms of CPU a step | ours : bare torch | ours : library | library |"
    yield "| --- | --- | --- | --- | --- |"
    for recipe, ways in found["facts"]["ours : theirs"].items():
        ours = found["measured"][f"{recipe}, ours"]["median"]
        bare = _value(ways["bare torch"], 2)
        library = next((name for name in ways if name != "bare torch"), None)
        told = _value(ways[library], 2) if library else "-"
        yield f"| {recipe} | {ours:.1f} | {bare} | {told} | {library or 'has none'} |"


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.2g}"


def _value(told: Mapping[str, Any], digits: int) -> str:
    low, high = told["interval"]
    return f"{told['value']:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
