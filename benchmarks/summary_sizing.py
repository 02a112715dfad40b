"""The sizing benchmark's part of `docs/benchmarks.md`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.sizing_choice import (
    BUDGETS,
    MARGIN,
    Figures,
    beside,
    least,
    price_of_thousand,
    wall_s,
)
from chalicelib.generation.catalogue import catalogue

Found = Mapping[str, Any]

ARCHITECTURE = "arm64"
"""The template's own; prices are of it, CPU time is this machine's."""


def sizing(found: Found) -> Iterator[str]:
    """Yield a row per function: its figures, its memory, and the consequences."""
    yield (
        "| function | MB | peak, MiB | of it | CPU cold, warm, large, s | at that memory, s"
        " | may take, s | $ a 1,000 | a step less | a step more |"
    )
    yield f"|{' --- |' * 10}"
    for name, told in found["facts"]["functions"].items():
        yield f"| {' | '.join(_cells(name, told))} |"
    yield ""
    whole = found["facts"]["whole files, MiB"]
    files = ", ".join(f"{ending} {peak:.0f} MiB" for ending, peak in whole.items())
    yield f"Files that are read whole, near the size that is refused: {files}."
    yield (
        f"Memory is the least step that is {MARGIN:g} times the peak and keeps to the times that"
        " the function may take; where it computes and seldom waits, with a whole vCPU, since that"
        " costs the same."
    )


def chosen(name: str, told: Found) -> int:
    """Return the memory that follows from the measurements, in MB."""
    figures = Figures(told["cold_s"], told["warm_s"], told["large_s"], told["peak_mib"])
    return least(figures, BUDGETS[name], told["timeout_s"])


def _cells(name: str, told: Found) -> Iterator[str]:
    budget, memory = BUDGETS[name], chosen(name, told)
    taken = [told[f"{kind}_s"] for kind in ("cold", "warm", "large")]
    yield name
    yield str(memory)
    yield f"{told['peak_mib']:.0f}"
    yield f"{told['peak_mib'] / memory:.0%}"
    yield ", ".join(f"{each:.3g}" for each in taken)
    yield ", ".join(f"{wall_s(each, memory):.2g}" for each in taken)
    yield f"{budget.cold_s:g}, {budget.warm_s:g}, {told['timeout_s'] / 2:g}"
    for each in (memory, *beside(memory)):
        yield f"{_price(told['warm_s'], each):.5f}"


def _price(cpu_s: float, memory_mb: int) -> float:
    prices = catalogue()
    gb_second = prices.price(f"lambda.gb_second.{ARCHITECTURE}").dollars
    return price_of_thousand(cpu_s, memory_mb, gb_second, prices.price("lambda.request").dollars)
