"""Streams and samples of real files, made here, and of broken and hostile ones."""

from __future__ import annotations

import os
import signal
import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from chalicelib.errors import InvalidInput, Unsupported
from chalicelib.media.ffmpeg import ProcessBudget, failure, running
from chalicelib.media.probe import probe
from chalicelib.media.sound import SAMPLE_RATE, Samples, decode_audio, decode_pcm
from tests.media_files import FILM, TONE, encode


def _sound(path: Path, start_ms: int = 0, end_ms: int | None = None) -> Samples:
    return np.concatenate(list(decode_audio(path, start_ms, end_ms)))


@pytest.mark.parametrize(
    ("name", "media_type", "codec"),
    [
        ("a.wav", "audio/wav", "pcm_s16le"),
        ("a.mp3", "audio/mpeg", "mp3"),
        ("a.flac", "audio/flac", "flac"),
        ("a.m4a", "audio/mp4", "aac"),
        ("a.ogg", "audio/ogg", "vorbis"),
        ("a.webm", "audio/webm", "opus"),
        ("a.mkv", "audio/x-matroska", "vorbis"),
        ("a.mov", "audio/mp4", "aac"),
    ],
)
def test_sound_of_each_container_is_whole(
    tmp_path: Path, name: str, media_type: str, codec: str
) -> None:
    path = encode(tmp_path / name, *TONE)

    info = probe(path)
    samples = _sound(path)

    assert (info.media_type, info.film) == (media_type, None)
    assert [stream.codec for stream in info.sounds] == [codec]
    assert len(samples) == pytest.approx(2 * SAMPLE_RATE, abs=0.05 * SAMPLE_RATE)
    spectrum = np.abs(np.fft.rfft(samples[:SAMPLE_RATE]))
    assert int(spectrum.argmax()) == 440
    assert 0.1 < float(np.abs(samples).max()) < 0.15


@pytest.mark.parametrize("name", ["v.mp4", "v.mov", "v.mkv", "v.webm"])
def test_films_tell_their_frames(tmp_path: Path, name: str) -> None:
    codec = ("-c:v", "libvpx", "-deadline", "realtime") if name == "v.webm" else ()
    path = encode(tmp_path / name, *FILM, *TONE, *codec)

    info = probe(path)

    assert info.media_type.startswith("video/")
    assert info.film is not None
    assert (info.film.width, info.film.height, info.film.fps) == (160, 120, 25)
    assert len(info.sounds) == 1


def test_a_film_without_sound_has_none_to_decode(tmp_path: Path) -> None:
    path = encode(tmp_path / "silent.mp4", *FILM)

    assert probe(path).sounds == ()
    with pytest.raises(InvalidInput, match="no sound"):
        next(decode_audio(path))


def test_the_picture_of_a_cover_is_no_film(tmp_path: Path) -> None:
    cover = encode(
        tmp_path / "cover.png", "-f", "lavfi", "-i", "color=red:s=32x32", "-frames:v", "1"
    )
    tagged = (
        *TONE,
        "-i",
        str(cover),
        "-map",
        "0:a",
        "-map",
        "1:v",
        "-disposition:v",
        "attached_pic",
    )
    path = encode(tmp_path / "a.mp3", *tagged)

    assert probe(path).film is None


@pytest.mark.parametrize("name", ["part.mp3", "part.m4a", "part.mkv", "part.wav"])
def test_a_part_begins_at_its_millisecond(tmp_path: Path, name: str) -> None:
    # A tone that begins after 1.25 s: half of a part that begins at 0.75 s and ends at 1.75 s.
    path = encode(tmp_path / name, *TONE, "-af", "volume=0:enable='lt(t,1.25)'")

    loud = np.abs(_sound(path, 750, 1_750)) > 0.06

    assert len(loud) == SAMPLE_RATE
    assert int(loud.argmax()) / SAMPLE_RATE == pytest.approx(0.5, abs=0.03)


def test_sound_that_begins_late_keeps_its_times(tmp_path: Path) -> None:
    path = encode(tmp_path / "late.mkv", *FILM, "-itsoffset", "0.7", *TONE)

    loud = np.abs(_sound(path)) > 0.06

    assert int(loud.argmax()) / SAMPLE_RATE == pytest.approx(0.7, abs=0.03)


def test_a_length_that_is_a_lie_is_not_believed(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.wav", *TONE)
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = struct.pack("<I", 1 << 31)
    path.write_bytes(data)

    assert len(_sound(path)) == 2 * SAMPLE_RATE


@pytest.mark.parametrize(("name", "left"), [("a.mp3", True), ("a.flac", True), ("a.m4a", False)])
def test_what_is_cut_off_gives_its_beginning_or_an_error(
    tmp_path: Path, name: str, left: bool
) -> None:
    path = encode(tmp_path / name, *TONE)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])

    if left:
        assert 0.5 < len(_sound(path)) / SAMPLE_RATE < 1.5
    else:
        with pytest.raises(InvalidInput, match=r"damaged or cut off \(moov atom not found\)"):
            _sound(path)


def test_what_is_no_media_is_refused(tmp_path: Path) -> None:
    playlist, header = tmp_path / "a.mp4", tmp_path / "b.mp4"
    playlist.write_bytes(b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n")
    header.write_bytes(b"\0\0\0\x20ftypisom" + bytes(range(256)) * 100)

    with pytest.raises(Unsupported, match="WAV, MP3"):
        probe(playlist)
    with pytest.raises(InvalidInput, match="damaged"):
        probe(header)


def test_codecs_without_a_decoder_are_named(tmp_path: Path) -> None:
    path = encode(tmp_path / "silent.mov", *FILM)
    path.write_bytes(path.read_bytes().replace(b"avc1", b"qqqq"))

    with pytest.raises(Unsupported, match="video qqqq"):
        probe(path)


def test_a_process_ends_with_its_budget(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.wav", *TONE)

    with pytest.raises(Unsupported, match="which is the limit"):
        list(decode_pcm(path, budget=ProcessBudget(wall_seconds=0.0)))


def test_what_the_kernel_ends_is_told_by_the_processor_time_that_it_used(tmp_path: Path) -> None:
    endless = ("-f", "lavfi", "-i", "anullsrc", "-f", "null", "-")
    for budget, message in (
        (ProcessBudget(cpu_seconds=10), "of memory"),
        (ProcessBudget(cpu_seconds=0), "of processor time"),
    ):
        with running(endless, budget) as process:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
            status = process.finish()
            assert message in failure(process, status, "Decoding").message
