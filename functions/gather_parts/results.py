"""The results that a Map Run reports of its children: outputs and durations.

https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Generic, TypeVar

from pydantic import ValidationError

from chalicelib.contracts.jsonl import whole_lines
from chalicelib.contracts.parts import (
    EmbedPartResult,
    Express,
    PartDone,
    ResultPlace,
    WithoutSeat,
)
from chalicelib.errors import Conflict

if TYPE_CHECKING:
    from chalicelib.contracts.objects import LargeObjects

EXPRESS_GB = 64 / 1024
"""Memory is billed by 64 MB, and the children need less: 50 MB, their definition and their data.

https://aws.amazon.com/step-functions/pricing/
"""
EXPRESS_STEP_SECONDS = 0.1


Done = TypeVar("Done", PartDone, EmbedPartResult)
"""The outcome of one part."""


@dataclass(frozen=True, slots=True)
class Results(Generic[Done]):
    """The outcomes of the parts, in their order, and the billed use of their children.

    `left` are the numbers of parts that got no seat in any round so far.
    """

    done: tuple[Done, ...]
    left: frozenset[int]
    express: Express


def results(
    objects: LargeObjects, places: Iterable[ResultPlace], kind: type[Done], expected: int
) -> Results[Done]:
    """Return the outcome of each of the `expected` parts that was done in any round.

    Raises:
        Conflict: a part is missing, has two different outcomes, or failed.
    """
    outcomes: dict[int, Done] = {}
    without_seat: set[int] = set()
    seconds: list[float] = []
    for child in _all_children(objects, places):
        done = _parsed(child["Output"], kind)
        seconds.append(_billed_seconds(child["StartDate"], child["StopDate"]))
        if isinstance(done, WithoutSeat):
            without_seat.add(done.part)
        elif _counts(outcomes.setdefault(done.part, done)) != _counts(done):
            raise Conflict(f"Part {done.part} came to two different ends.")
    if sorted(outcomes.keys() | without_seat) != list(range(1, expected + 1)):
        raise Conflict(f"{len(outcomes)} parts of {expected} were done.")
    ordered = tuple(outcomes[number] for number in sorted(outcomes))
    gb_seconds = math.fsum(seconds) * EXPRESS_GB
    express = Express(requests=len(seconds), gb_seconds=gb_seconds)
    return Results(ordered, frozenset(without_seat - outcomes.keys()), express)


def _all_children(objects: LargeObjects, places: Iterable[ResultPlace]) -> Iterator[dict[str, str]]:
    """Yield the children of the Map Runs whose manifests are at `places`."""
    for place in places:
        manifest = json.loads(objects.read(place.bucket, place.key))["ResultFiles"]
        if manifest.get("FAILED") or manifest.get("PENDING"):
            raise Conflict("Parts of the file failed, or were not begun.")
        for file in manifest["SUCCEEDED"]:
            yield from _children(objects, place.bucket, file["Key"])


def _children(objects: LargeObjects, bucket: str, key: str) -> Iterator[dict[str, str]]:
    """Yield the children that a result file describes, one per line; the last may be cut off."""
    for line in whole_lines(_ended(objects.stream(bucket, key))):
        if line.strip():
            yield json.loads(line)


def _ended(pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield from pieces
    yield b"\n"


def _parsed(output: str, kind: type[Done]) -> Done | WithoutSeat:
    with suppress(ValidationError):
        return WithoutSeat.model_validate_json(output)
    try:
        return kind.model_validate_json(output)
    except ValidationError as error:
        raise Conflict(f"A part came to something that is no {kind.__name__}: {error}") from error


def _counts(done: PartDone | EmbedPartResult) -> tuple[int, int]:
    """Return the counts that must be equal if a child ran twice, as Express may do."""
    if isinstance(done, PartDone):
        return done.pages, done.chunks
    return done.vectors, done.tokens


def _billed_seconds(start: str, stop: str) -> float:
    """Return the billed duration of a child, rounded up to 100 ms."""
    duration = datetime.fromisoformat(stop) - datetime.fromisoformat(start)
    return math.ceil(duration.total_seconds() / EXPRESS_STEP_SECONDS) * EXPRESS_STEP_SECONDS
