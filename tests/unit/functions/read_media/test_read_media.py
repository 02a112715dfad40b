"""Parts of recordings: their sound, lengths and descriptions."""

from __future__ import annotations

import struct
import sys
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest

from chalicelib.contracts.functions.read_media import ReadMediaRequest, ReadMediaResult
from chalicelib.contracts.jsonl import parse_lines
from chalicelib.contracts.parts import Part
from chalicelib.errors import InvalidInput, Unsupported
from chalicelib.media.pauses import milliseconds
from chalicelib.media.probe import probe
from chalicelib.retrieval.ids import sound_key, version_prefix
from functions.read_media import core
from functions.read_media.recording_parts import RecordingLimits
from tests.media_files import EMPTY, FILM, TONE, encode
from tests.unit.ingest.examples import BUCKET
from tests.unit.ingest.fakes import FakeObjects

PLACE = ("acme", "doc_a", "v_a")
LIMITS = RecordingLimits()
SOURCE = version_prefix(*PLACE) + "source"


def _run(path: Path, objects: FakeObjects, limits: RecordingLimits = LIMITS) -> ReadMediaResult:
    objects.bodies[SOURCE] = path.read_bytes()
    tenant, document, version = PLACE
    request = ReadMediaRequest(
        tenant=tenant,
        document_id=document,
        version=version,
        bucket=BUCKET,
        path=f"talks/{path.name}",
        correlation_id="c",
        notices=("A notice.",),
    )
    deps = core.Deps(objects, 1 << 30, clock=lambda: 0.0, memory_gb=1.0, limits=limits)
    return core.run(request, deps)


def _parts(objects: FakeObjects, count: int) -> tuple[Part, ...]:
    body = objects.bodies[version_prefix(*PLACE) + "parts.jsonl"]
    return tuple(parse_lines(body, Part, count))


def test_a_short_recording_is_one_part(tmp_path: Path) -> None:
    objects = FakeObjects()

    result = _run(encode(tmp_path / "monday.flac", *TONE), objects)

    assert (result.media_type, result.duration_ms, result.parts) == ("audio/flac", 2_000, 1)
    assert result.notices == ("A notice.",)
    (part,) = _parts(objects, 1)
    assert (part.start_ms, part.end_ms, part.sound, part.recorded) == (0, 2_000, True, True)
    assert part.description == "monday.flac is a recording of 2 seconds."
    assert milliseconds(objects.bodies[sound_key(*PLACE, 1)]) == 2_000


def test_parts_of_a_long_recording_join_to_the_whole(tmp_path: Path) -> None:
    # Half a second of sound, half of silence; parts of 5 minutes would take this test seconds.
    path = encode(tmp_path / "long.wav", *TONE, "-af", "volume=0:enable='gt(mod(t,1),0.5)'")
    objects = FakeObjects()

    result = _run(path, objects, RecordingLimits(min_part_ms=600, max_part_ms=1_000))

    parts = _parts(objects, result.parts)
    lengths = [milliseconds(objects.bodies[sound_key(*PLACE, part.part)]) for part in parts]
    assert result.parts >= 2
    assert [part.end_ms - part.start_ms for part in parts] == lengths
    assert [part.start_ms for part in parts[1:]] == [part.end_ms for part in parts[:-1]]
    assert (sum(lengths), [part.first_page for part in parts]) == (
        2_000,
        list(range(1, result.parts + 1)),
    )
    assert all(not part.description for part in parts[1:])


@pytest.mark.parametrize(
    ("name", "media_type", "sound"),
    [("silent.mp4", "video/mp4", ()), ("silent.mkv", "video/x-matroska", EMPTY)],
)
def test_a_film_without_sound_has_a_part_and_says_so(
    tmp_path: Path, name: str, media_type: str, sound: tuple[str, ...]
) -> None:
    objects = FakeObjects()
    path = encode(tmp_path / name, *FILM, *sound)
    assert len(probe(path).sounds) == bool(sound)

    result = _run(path, objects)

    assert (result.media_type, result.parts) == (media_type, 1)
    assert result.duration_ms == pytest.approx(2_000, abs=250)
    assert result.notices == ("A notice.", core.NO_SOUND)
    (part,) = _parts(objects, 1)
    assert not part.sound
    assert part.description == f"{name} is a film of 2 seconds."


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mkv", "a.mp3"])
def test_a_recording_that_is_cut_off_says_so(tmp_path: Path, name: str) -> None:
    noise = ("-f", "lavfi", "-i", "anoisesrc=d=8:r=16000:seed=1")
    path = encode(tmp_path / name, *noise)
    assert _run(path, FakeObjects()).notices == ("A notice.",), "the whole file says nothing"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    result = _run(path, FakeObjects())

    assert result.duration_ms == pytest.approx(4_000, abs=600)
    assert result.notices[1].startswith("The file says that it lasts 8 seconds, and has ")


def test_a_length_that_is_only_estimated_says_nothing(tmp_path: Path) -> None:
    # Noise behind silence: the rate of the beginning tells a wrong length.
    sound = ("-f", "lavfi", "-i", "anoisesrc=d=9:r=16000:seed=1")
    silence = ("-af", "volume=0:enable='lt(t,6)'", "-q:a", "5", "-write_xing", "0")
    path = encode(tmp_path / "a.mp3", *sound, *silence)
    assert probe(path).duration_ms > 10_000

    assert _run(path, FakeObjects()).notices == ("A notice.",)


def test_a_wav_from_a_pipe_says_nothing_of_its_length(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.wav", *TONE)
    body = bytearray(path.read_bytes())
    body[4:8] = b"\xff\xff\xff\xff"
    path.write_bytes(body)
    assert _run(path, FakeObjects()).notices == ("A notice.",)


def test_sound_of_no_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="lasts 0 s"):
        _run(encode(tmp_path / "a.wav", *TONE, "-t", "0"), FakeObjects())


def test_a_film_goes_on_behind_its_sound(tmp_path: Path) -> None:
    short = ("-f", "lavfi", "-i", "sine=d=1:f=440")
    long = ("-f", "lavfi", "-i", "color=red:s=32x32:r=10:d=4")
    objects = FakeObjects()

    result = _run(encode(tmp_path / "a.mkv", *long, *short), objects)

    first, second = _parts(objects, result.parts)
    assert (first.sound, second.sound) == (True, False)
    assert second.end_ms == pytest.approx(4_000, abs=250)


def test_what_lasts_too_long_is_refused_with_its_limit(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.wav", *TONE)
    limits = RecordingLimits(duration_ms=1_000)
    objects = FakeObjects()

    with pytest.raises(Unsupported, match="limit is 1 second") as error:
        _run(path, objects, limits)

    assert list(objects.bodies) == [SOURCE], "no sound is decoded of what says that it is too long"
    assert (error.value.field, error.value.limit) == ("file", "1000")


@pytest.mark.parametrize(("frames", "limit_ms"), [(1_000_000, 3_000), (3, 1_500)])
def test_what_a_file_says_of_its_length_is_not_believed(
    tmp_path: Path, frames: int, limit_ms: int
) -> None:
    # The header of an MP3 counts its frames, of 26 ms.
    path = encode(tmp_path / "a.mp3", *TONE)
    data = bytearray(path.read_bytes())
    at = data.index(b"Info") + 8
    data[at : at + 4] = struct.pack(">I", frames)
    path.write_bytes(data)
    limits = RecordingLimits(duration_ms=limit_ms)

    assert (probe(path).duration_ms > limit_ms) == (frames > 3)
    with pytest.raises(Unsupported) if limit_ms < 2_000 else nullcontext():
        assert _run(path, FakeObjects(), limits).duration_ms == pytest.approx(2_000, abs=80)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.m4a", *TONE)
    path.write_bytes(path.read_bytes()[:2_000])

    with pytest.raises(InvalidInput, match="damaged"):
        _run(path, FakeObjects())


@pytest.mark.skipif(sys.platform != "linux", reason="processes are listed in /proc")
def test_no_process_outlives_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # More than what is read at once and what a pipe holds: ffmpeg waits for its reader.
    silence = ("-f", "lavfi", "-i", "anullsrc=r=16000:cl=mono", "-t", "120")
    path = encode(tmp_path / "long.flac", *silence)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    # The error is held, and with it the frames that it went through.
    with pytest.raises(Unsupported, match="limit is 1 second") as error:
        _run(path, FakeObjects(), RecordingLimits(1_000, 600, 1_000))

    assert error.tb is not None
    assert not [each for each in _command_lines() if str(tmp_path).encode() in each]


def _command_lines() -> Iterator[bytes]:
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            yield (process / "cmdline").read_bytes()
