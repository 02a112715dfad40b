"""Which resource a path means: literal segments before variables, variables before `{proxy+}`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Match:
    """A resource path and what its variables stand for, percent-encoded as they came.

    A REST API hands path parameters on undecoded, and query parameters decoded.
    """

    resource: str
    parameters: Mapping[str, str]


def match(resources: Iterable[str], path: str) -> Match | None:
    """Return the resource that `path` (undecoded, without query) means, or None."""
    segments = _segments(path)
    found = [
        (rank, resource, parameters)
        for resource in resources
        for rank, parameters in [_try(_segments(resource), segments)]
        if rank is not None
    ]
    if not found:
        return None
    _, resource, parameters = min(found, key=lambda each: (each[0], each[1]))
    return Match(resource, parameters)


def _segments(path: str) -> list[str]:
    trimmed = path.rstrip("/") if path != "/" else path
    return trimmed.split("/")[1:]


def _try(pattern: list[str], segments: list[str]) -> tuple[list[int] | None, dict[str, str]]:
    """Return a rank, the smaller the more literal, and the parameters; no rank, no match."""
    rank: list[int] = []
    parameters: dict[str, str] = {}
    for number, part in enumerate(pattern):
        if part.endswith("+}") and number < len(segments):
            parameters[part[1:-2]] = "/".join(segments[number:])
            return [*rank, 2], parameters
        if number >= len(segments):
            return None, {}
        if part.startswith("{") and part.endswith("}") and segments[number]:
            parameters[part[1:-1]] = segments[number]
            rank.append(1)
        elif part == segments[number]:
            rank.append(0)
        else:
            return None, {}
    return (rank, parameters) if len(pattern) == len(segments) else (None, {})
