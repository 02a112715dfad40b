"""Find the shots of one part of a film, and write a frame of each."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from chalicelib.contracts.ingest import spent
from chalicelib.contracts.jsonl import dump_lines
from chalicelib.contracts.shots import MAX_FRAMES, FilmShot, FindShotsRequest, FindShotsResult
from chalicelib.errors import Unsupported
from chalicelib.media.ffmpeg import ProcessBudget
from chalicelib.media.frames import PICKING, fitted_size, jpeg_at, sample_frames
from chalicelib.media.probe import probe
from chalicelib.media.shots import HEIGHT, SAMPLED_FPS, WIDTH, Shot, ShotDetector
from chalicelib.retrieval.ids import frame_key, shots_key
from functions.read_media.source import downloaded_part

if TYPE_CHECKING:
    from chalicelib.media.frames import Pixels
    from functions.read_media.core import Deps

SAMPLING = ProcessBudget(cpu_seconds=300, wall_seconds=150.0)
"""Budget of sampling one part: the child of the Map Run that asks for it has 250 s in all."""
PICKING_S = 220.0
"""Seconds from the start in which the last frame is picked, of those 250."""
FRAME_SIDE = 1_280
"""Pixels of the longer side of a frame: text is detected on as many."""
ALIKE_STEP, ALIKE_SHARE = 12, 0.002
"""Two frames look alike if at most such a share of their pixels differs by more than 12 of 255.

Of 64 by 36 pixels that is four: another line of text on a slide changes more of them.
"""


def find_shots(request: FindShotsRequest, deps: Deps) -> FindShotsResult:
    """Write `shots.jsonl` of one part of a film, and its frames as JPEG.

    Shots that look alike share a frame, and at most `MAX_FRAMES` are written: the shortest shots
    beyond that are left out. Idempotent.

    Raises:
        InvalidInput: the film is damaged.
        Unsupported: it takes too much to decode, or more than `PICKING_S`.
    """
    began = deps.clock()
    place = (request.tenant, request.document_id, request.version, request.part)
    with downloaded_part(request, deps.objects, deps.max_bytes) as path:
        shots, looks = _sampled(path, request)
        groups = _written(_alike(shots, looks), request, path, deps, began + PICKING_S)
        lines = [
            FilmShot(start_ms=shot.start_ms, end_ms=shot.end_ms, frame=number)
            for number, group in enumerate(groups, start=1)
            for shot in group
        ]
    lines.sort(key=lambda line: line.start_ms)
    facts = {"lines": str(len(lines))}
    deps.objects.write(request.bucket, shots_key(*place), dump_lines(lines), facts)
    return FindShotsResult(
        shots=len(lines),
        frames=max((line.frame for line in lines), default=0),
        decoding=spent(deps.clock() - began, deps.memory_gb),
    )


def _sampled(path: Path, request: FindShotsRequest) -> tuple[list[Shot], list[Pixels]]:
    """Return the shots of the part, and a small frame of each."""
    detector, pixels = ShotDetector(), dict[int, "Pixels"]()
    start, end = request.start_ms, request.end_ms
    sampled = sample_frames(
        path,
        SAMPLED_FPS,
        (WIDTH, HEIGHT),
        start_ms=start,
        end_ms=end,
        is_copy=request.is_copied,
        budget=SAMPLING,
    )
    with closing(sampled) as frames:
        for frame in frames:
            detector.add(frame)
            pixels[frame.at_ms] = frame.pixels
    shots = detector.shots(end)
    times = np.fromiter(pixels, np.int64)
    nearest = [int(np.abs(times - shot.frame_ms).argmin()) for shot in shots]
    return shots, [pixels[int(times[at])] for at in nearest]


def _alike(shots: Sequence[Shot], looks: Sequence[Pixels]) -> list[list[Shot]]:
    """Return the shots in groups that look alike, at most `MAX_FRAMES`, longest shots first."""
    groups: list[tuple[Pixels, list[Shot]]] = []
    for shot, look in zip(shots, looks, strict=True):
        group = next((group for other, group in groups if _same(look, other)), None)
        if group is None:
            groups.append((look, [shot]))
        else:
            group.append(shot)
    by_length = sorted(groups, key=lambda group: -sum(map(_length, group[1])))
    return [group for _, group in by_length[:MAX_FRAMES]]


def _same(one: Pixels, other: Pixels) -> bool:
    apart = np.abs(one.astype(np.int16) - other).max(axis=2) > ALIKE_STEP
    return float(apart.mean()) <= ALIKE_SHARE


def _length(shot: Shot) -> int:
    return shot.end_ms - shot.start_ms


def _written(
    groups: Sequence[list[Shot]], request: FindShotsRequest, path: Path, deps: Deps, until: float
) -> list[list[Shot]]:
    """Write a frame of each group, of its longest shot; return the groups that have one.

    Raises:
        Unsupported: the time `until` has come.
    """
    film = probe(path).film
    if film is None:
        return []
    width, height = fitted_size(film.width, film.height, FRAME_SIDE)
    place = (request.tenant, request.document_id, request.version, request.part)
    written: list[list[Shot]] = []
    for group in groups:
        at_ms = max(group, key=_length).frame_ms
        budget = _picking_budget(until - deps.clock(), request)
        data = jpeg_at(path, at_ms, width, height, is_copy=request.is_copied, budget=budget)
        if data:
            written.append(group)
            deps.objects.write(request.bucket, frame_key(*place, len(written)), data, {})
    return written


def _picking_budget(seconds: float, request: FindShotsRequest) -> ProcessBudget:
    """Return the budget of picking a frame where `seconds` are left; raises as its caller."""
    if seconds <= 0:
        minutes = (request.end_ms - request.start_ms) / 60_000
        raise Unsupported(
            f"The frames of part {request.part} of the film, {minutes:.1f} minutes long, cannot be"
            f" picked within {PICKING_S:.0f} s, which is the limit. Save it with smaller frames, or"
            " with more of those that need no other (ffmpeg -g 50).",
            field="file",
            limit=f"{PICKING_S:.0f} s",
        )
    return replace(PICKING, wall_seconds=min(PICKING.wall_seconds, seconds))
