"""The parts of a recording: their sound, cut in pauses, and film without sound."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib.contracts.parts import Part
from chalicelib.errors import Unsupported
from chalicelib.media.pauses import MAX_PART_MS, MIN_PART_MS, cut_at_pauses, milliseconds
from chalicelib.media.probe import MediaInfo, measure_stream
from chalicelib.media.sound import decode_pcm
from chalicelib.retrieval.ids import sound_key

if TYPE_CHECKING:
    from chalicelib.contracts.functions.read_media import ReadMediaRequest
    from chalicelib.contracts.objects import ObjectStore

EMPTY_SOUND = "The sound of the file lasts 0 s. Save it again with the program that made it."
MIN_REST_MS = 2_000
"""Film behind the end of its sound that is a part of its own."""


@dataclass(frozen=True, slots=True)
class RecordingLimits:
    """Milliseconds that a recording may last, and those between which a part ends in a pause.

    Four hours are some 60 parts, whose sound takes 460 MB of S3 until they are joined, or the
    recording is rejected.
    """

    duration_ms: int = 4 * 60 * 60 * 1000
    min_part_ms: int = MIN_PART_MS
    max_part_ms: int = MAX_PART_MS


def require_duration(path: Path, info: MediaInfo, limits: RecordingLimits) -> None:
    """Raise `Unsupported` for a recording that says, and has, more than it may last.

    What a file says is never believed alone: its packets are read, without decoding them. A file
    that says less than it has is refused while it is decoded.
    """
    if info.duration_ms > limits.duration_ms:
        _check_duration(measure_stream(path, sound=bool(info.sounds)), limits)


def sound_parts(
    request: ReadMediaRequest, path: Path, objects: ObjectStore, limits: RecordingLimits
) -> tuple[Part, ...]:
    """Write the sound of each part; return the parts, none if the sound lasts 0 s.

    Raises:
        InvalidInput: the sound cannot be decoded.
        Unsupported: it lasts too long, or takes too much to decode.
    """
    parts: list[Part] = []
    at = 0
    place = (request.tenant, request.document_id, request.version)
    with closing(decode_pcm(path)) as blocks:
        sounds = cut_at_pauses(blocks, limits.min_part_ms, limits.max_part_ms)
        for number, sound in enumerate(sounds, start=1):
            end = at + max(1, milliseconds(sound))
            _check_duration(end, limits)
            objects.write(request.bucket, sound_key(*place, number), sound, {})
            parts.append(_part(number, at, end, sound=True))
            at = end
    return tuple(parts)


def film_parts(sounds: Sequence[Part], film_ms: int, limits: RecordingLimits) -> tuple[Part, ...]:
    """Return the parts of a film of `film_ms`: those with sound, and what is behind them.

    Raises:
        Unsupported: it lasts too long.
    """
    return tuple(map(_film_part, (*sounds, *_silent_parts(sounds, film_ms, limits))))


def _silent_parts(
    before: Sequence[Part], film_ms: int, limits: RecordingLimits
) -> tuple[Part, ...]:
    """Return the parts of a film behind its sound: all of it, if it has none."""
    begin = before[-1].end_ms if before else 0
    if before and film_ms - begin < MIN_REST_MS:
        return ()
    end = max(film_ms, begin + 1)
    _check_duration(end, limits)
    ends = [*range(begin + limits.max_part_ms, end, limits.max_part_ms), end]
    return tuple(
        _part(number, start, stop, sound=False)
        for number, (start, stop) in enumerate(itertools.pairwise([begin, *ends]), len(before) + 1)
    )


def _part(number: int, start_ms: int, end_ms: int, *, sound: bool) -> Part:
    return Part(
        part=number, first_page=number, pages=1, start_ms=start_ms, end_ms=end_ms, sound=sound
    )


def _film_part(part: Part) -> Part:
    """Return a part with a page of what is spoken, and one of what is on screen."""
    first = 2 * part.part - 1
    return part.model_copy(update={"film": True, "pages": 2, "first_page": first})


def length_in_words(duration_ms: int) -> str:
    """Return a length such as `1 hour 2 minutes 3 seconds`."""
    minutes, seconds = divmod(max(1, round(duration_ms / 1000)), 60)
    hours, minutes = divmod(minutes, 60)
    counts = ((hours, "hour"), (minutes, "minute"), (seconds, "second"))
    return " ".join(f"{count} {unit}{'s' * (count > 1)}" for count, unit in counts if count)


def _check_duration(duration_ms: int, limits: RecordingLimits) -> None:
    if duration_ms > limits.duration_ms:
        raise Unsupported(
            f"The recording lasts {length_in_words(duration_ms)} or more; the limit is"
            f" {length_in_words(limits.duration_ms)}. Split it into several files.",
            field="file",
            limit=str(limits.duration_ms),
        )
