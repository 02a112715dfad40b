"""Decode a recording once, and write the sound and the plan of its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.contracts.functions.read_media import ReadMediaRequest, ReadMediaResult
from chalicelib.contracts.ingest import spent
from chalicelib.contracts.jsonl import dump_lines
from chalicelib.errors import InvalidInput
from chalicelib.media.probe import MediaInfo, measure_film, probe
from chalicelib.retrieval.ids import version_prefix
from functions.read_media.film_copies import COPYING_S, copied_parts
from functions.read_media.recording_parts import (
    EMPTY_SOUND,
    film_parts,
    length_in_words,
    require_duration,
    sound_parts,
)
from functions.read_media.source import downloaded_source

if TYPE_CHECKING:
    from chalicelib.contracts.objects import LargeObjects
    from chalicelib.contracts.parts import Part
    from functions.read_media.recording_parts import RecordingLimits

PARTS_FILE = "parts.jsonl"
NO_SOUND = "The film has no sound."
MORE_SOUNDS = "Of {count} sounds in the file the first was transcribed."
UNKNOWN_STREAMS = "There is no decoder for {streams} in the file, which was left out."

CUT_OFF = (
    "The file says that it lasts {said}, and has {there}: it may be cut off. If it is, upload the"
    " whole file."
)
CUT_OFF_MS = 1_000
CUT_OFF_SHARE = 0.02
"""By how much a file has to be shorter than it says: milliseconds, and a share of what it says."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`; `clock` returns seconds from any start."""

    objects: LargeObjects
    max_bytes: int
    clock: Callable[[], float]
    memory_gb: float
    limits: RecordingLimits


def run(request: ReadMediaRequest, deps: Deps) -> ReadMediaResult:
    """Write the sound of each part of a recording, and `parts.jsonl`.

    Parts end in pauses and join to the whole. Their length is measured, whatever the file claims.

    Raises:
        InvalidInput: the file is damaged, or has neither sound nor film, or 0 s of it.
        Unsupported: it lasts too long, takes too much to decode, or has no known codec.
    """
    began = deps.clock()
    with downloaded_source(request, deps.objects, deps.max_bytes) as path:
        info = probe(path)
        require_duration(path, info, deps.limits)
        parts = sound_parts(request, path, deps.objects, deps.limits) if info.sounds else ()
        notices = [*request.notices, *_notices(info, parts)]
        if info.film:
            parts = film_parts(parts, measure_film(path), deps.limits)
            parts = copied_parts(request, parts, path, deps, began + COPYING_S)
        if not parts:
            raise InvalidInput(EMPTY_SOUND, field="file")
    duration = parts[-1].end_ms
    if _is_cut_off(info, duration):
        said, there = length_in_words(info.duration_ms), length_in_words(duration)
        notices.append(CUT_OFF.format(said=said, there=there))
    described = parts[0].model_copy(
        update={"description": describe_recording(request.path, info, duration)}
    )
    parts = (described, *parts[1:])
    prefix = version_prefix(request.tenant, request.document_id, request.version)
    lines = {"lines": str(len(parts))}
    deps.objects.write(request.bucket, prefix + PARTS_FILE, dump_lines(parts), lines)
    return ReadMediaResult(
        media_type=info.media_type,
        duration_ms=duration,
        parts=len(parts),
        pages=sum(part.pages for part in parts),
        notices=tuple(notices),
        decoding=spent(deps.clock() - began, deps.memory_gb),
    )


def describe_recording(path: str, info: MediaInfo, duration_ms: int) -> str:
    """Return the sentence by which a recording is found even if nobody speaks in it."""
    kind = "a film" if info.film else "a recording"
    return f"{path.rpartition('/')[2]} is {kind} of {length_in_words(duration_ms)}."


def _is_cut_off(info: MediaInfo, duration_ms: int) -> bool:
    missing = 0 if info.estimated else info.duration_ms - duration_ms
    return missing > max(CUT_OFF_MS, CUT_OFF_SHARE * info.duration_ms)


def _notices(info: MediaInfo, sounds: Sequence[Part]) -> Iterator[str]:
    if not sounds:
        yield NO_SOUND
    if len(info.sounds) > 1:
        yield MORE_SOUNDS.format(count=len(info.sounds))
    if info.unknown:
        yield UNKNOWN_STREAMS.format(streams=", ".join(info.unknown))
