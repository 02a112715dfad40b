"""The parts of `docs/benchmarks.md` about films."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Found = Mapping[str, Any]

_CHANGES = ("cut", "fade", "dissolve")


def film(found: Found) -> Iterator[str]:
    """Yield a row for each kind of question about films."""
    yield "| asked for what is | right first hits | 95 % | seconds of a hit | of the truth |"
    yield "| --- | --- | --- | --- | --- |"
    for kind, told in found["facts"].items():
        low, high = told["interval"]
        share = f"{told['right']} of {told['questions']}, {told['share']:.3f}"
        hit, truth = told["median seconds of a hit"], told["median seconds of the truth"]
        yield f"| {kind} | {share} | {low:.2f} to {high:.2f} | {hit} | {truth} |"


def film_passages(found: Found) -> Iterator[str]:
    """Yield a row for each setting of the lengths of spoken passages."""
    facts = found["facts"]
    kinds = [name for name, told in facts["settings"][0].items() if isinstance(told, dict)]
    columns = [f"{kind}: right first hits | 95 % | seconds of a hit" for kind in kinds]
    yield f"| cut at pauses of | from | before | passages | {' | '.join(columns)} |"
    yield f"| --- | --- | --- | --- |{' --- |' * (3 * len(kinds))}"
    yield from _settings(facts["settings"], kinds)
    yield f"| **held out** |{' |' * (3 + 3 * len(kinds))}"
    yield from _settings(facts["held out"], kinds)


def _settings(settings: Sequence[Found], kinds: Sequence[str]) -> Iterator[str]:
    for each in settings:
        shares = [_setting(each[kind]) for kind in kinds]
        limits = [_seconds(each[name]) for name in ("pause_ms", "min_ms", "max_ms")]
        yield f"| {' | '.join(limits)} | {each['passages']} | {' | '.join(shares)} |"


def film_shots(found: Found) -> Iterator[str]:
    """Yield a row per contestant, then how both agree on a real film."""
    facts = found["facts"]
    yield (
        f"| of {facts['films']} films, {facts['seconds']} s | cuts | fades | dissolves"
        " | boundaries that are none | CPU seconds |"
    )
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, told in facts["contestants"].items():
        cells = [_change(told[kind]) for kind in _CHANGES]
        rest = f"{told['boundaries that are none']} | {told['CPU seconds']}"
        yield f"| {name} | {' | '.join(cells)} | {rest} |"
    yield ""
    real = facts["real film"]
    yield (
        f"Of the real film, {real['seconds']} s, the network finds"
        f" {real['boundaries of the network']} boundaries; differences of frames find"
        f" {real['found']} of these, and {real['others']} others."
    )


def _change(told: Found) -> str:
    low, high = told["interval"]
    return f"{told['found']} of {told['of']} ({low:.2f} to {high:.2f})"


def _setting(told: Found) -> str:
    low, high = told["interval"]
    share = f"{told['right']} of {told['questions']}, {told['share']:.3f}"
    return f"{share} | {low:.2f} to {high:.2f} | {told['median seconds of a hit']}"


def _seconds(milliseconds: int | None) -> str:
    return "never" if milliseconds is None else f"{milliseconds / 1000:g} s"
