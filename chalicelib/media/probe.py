"""The streams that a sound or film file says it has, by ffmpeg's own report."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from chalicelib.errors import InvalidInput, Unsupported
from chalicelib.media.containers import (
    FILM_TYPES,
    MEDIA_DEMUXERS,
    READABLE,
    SOUND_TYPES,
    media_type_of,
)
from chalicelib.media.ffmpeg import MediaFile, ProcessBudget, failure, running

PROBING = ProcessBudget(cpu_seconds=20, wall_seconds=40.0)
_HEAD_BYTES = 64 * 1024

_DURATION = re.compile(r"^  Duration: (\d+):(\d\d):(\d\d)\.(\d\d)", re.MULTILINE)
_STREAM = re.compile(
    r"^  Stream #0:(?P<index>\d+)(?:\[0x[0-9a-f]+\])?(?:\((?P<language>[^)]*)\))?:"
    r" (?P<kind>Audio|Video): (?P<codec>[A-Za-z0-9_]+)(?P<rest>.*)$",
    re.MULTILINE,
)
_SIZE = re.compile(r", (\d{1,6})x(\d{1,6})")
_RATE = re.compile(r", (\d+(?:\.\d+)?)(k?) fps")
_TAG = re.compile(r"\((\w{1,4}) / 0x")
_PROGRESS = re.compile(r"^out_time_us=(\d+)$", re.MULTILINE)
_PIPED_BYTES = 0x7FFF_0000
"""Programs that write a WAV into a pipe say that it has this length or more."""
_ESTIMATED = "Estimating duration from bitrate"
_HERTZ = re.compile(r", (\d+) Hz")


@dataclass(frozen=True, slots=True)
class SoundStream:
    """A stream of sound: its number in the file, codec, hertz, and ISO 639 language or ""."""

    index: int
    codec: str
    sample_rate: int
    language: str


@dataclass(frozen=True, slots=True)
class FilmStream:
    """A stream of frames: its number in the file, codec, size in pixels, mean frames a second.

    `fps` is 0 where the file does not say it.
    """

    index: int
    codec: str
    width: int
    height: int
    fps: float


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """Streams and length that a file claims. `duration_ms` is 0 if it claims none; never trust it.

    It is `estimated` if it was told from the file's size, as of an MP3 without an index. A picture
    of a cover is no film. `unknown` names streams for which there is no decoder.
    """

    media_type: str
    duration_ms: int
    sounds: tuple[SoundStream, ...]
    film: FilmStream | None
    unknown: tuple[str, ...] = ()
    estimated: bool = False


def open_media(path: Path) -> MediaFile:
    """Return the file at `path` with the demuxer of its content.

    Raises:
        Unsupported: it is no sound or film file that is read.
    """
    with path.open("rb") as file:
        media_type = media_type_of(file.read(_HEAD_BYTES))
    if not media_type:
        raise Unsupported(
            f"The content is no sound or film file that is read: {READABLE} are.", field="file"
        )
    return MediaFile(path, MEDIA_DEMUXERS[media_type])


def probe(path: Path) -> MediaInfo:
    """Return the streams of the file at `path`.

    Raises:
        Unsupported: it is no sound or film file that is read, has no decoder, or takes too long.
        InvalidInput: it is damaged, or has neither sound nor film.
    """
    file = open_media(path)
    with path.open("rb") as opened:
        head = opened.read(_HEAD_BYTES)
    with running(file.input(), PROBING) as process:
        process.output.read()
        status = process.finish()
        report = process.messages
        # ffmpeg ends with an error in any case: it was given nothing to write.
        if not report.startswith("Input #0") and "\nInput #0" not in report:
            raise failure(process, status, "Opening the file")
    info = _media_info(report, media_type_of(head))
    size = path.stat().st_size
    claimed = int.from_bytes(head[4:8], "little") + 8
    if info.media_type == "audio/wav" and size < claimed < _PIPED_BYTES:
        # ffmpeg estimates the length of a WAV that is shorter than it says.
        return replace(info, duration_ms=round(info.duration_ms * claimed / size), estimated=False)
    return info


def measure_film(path: Path) -> int:
    """Return the length of a film's frames in milliseconds; raises as `measure_stream`."""
    return measure_stream(path, sound=False)


def measure_stream(path: Path, *, sound: bool) -> int:
    """Return the length of the first sound, or of the film, by its times and not by a header.

    It is in milliseconds. Packets are read and not decoded, so that it may miss the last quarter of
    a second.

    Raises:
        Unsupported: it takes too long, or is of no kind that is read.
        InvalidInput: it is damaged.
    """
    arguments = (*("-loglevel", "error", "-progress", "pipe:1"), *open_media(path).input())
    arguments += ("-map", "0:a:0" if sound else "0:V:0", "-c", "copy", "-f", "null", "-")
    with running(arguments, PROBING) as process:
        progress = process.output.read().decode("ascii", "replace")
        status = process.finish()
        times = _PROGRESS.findall(progress)
        if process.timed_out or status < 0 or not times:
            raise failure(process, status, "Measuring the recording")
    return int(times[-1]) // 1000


def _media_info(report: str, media_type: str) -> MediaInfo:
    streams = list(_STREAM.finditer(report))
    known = [each for each in streams if each["codec"] != "none"]
    unknown = tuple(_codec_tag(each) for each in streams if each["codec"] == "none")
    sounds = tuple(_sound_stream(each) for each in known if each["kind"] == "Audio")
    films = [
        _film_stream(each)
        for each in known
        if each["kind"] == "Video" and "(attached pic)" not in each["rest"]
    ]
    if not sounds and not films:
        raise _nothing_readable(unknown)
    if not films:
        media_type = SOUND_TYPES.get(media_type, media_type)
    else:
        media_type = FILM_TYPES.get(media_type, media_type)
    film = next(iter(films), None)
    estimated = _ESTIMATED in report
    return MediaInfo(media_type, _duration_ms(report), sounds, film, unknown, estimated)


def _nothing_readable(unknown: tuple[str, ...]) -> InvalidInput | Unsupported:
    if unknown:
        return Unsupported(
            f"There is no decoder for what is in the file: {', '.join(unknown)}. Save it as MP4"
            " with H.264 and AAC, or as WAV.",
            field="file",
        )
    return InvalidInput(
        "The file has neither sound nor film in it. Save it again with the program that made it.",
        field="file",
    )


def _codec_tag(stream: re.Match[str]) -> str:
    """Return the kind of a stream and the name of its codec in the file."""
    tag = _TAG.search(stream["rest"])
    return f"{stream['kind'].lower()} {tag[1] if tag else 'without a name'}"


def _sound_stream(stream: re.Match[str]) -> SoundStream:
    hertz, language = _HERTZ.search(stream["rest"]), stream["language"] or ""
    return SoundStream(
        int(stream["index"]),
        stream["codec"],
        int(hertz[1]) if hertz else 0,
        "" if language == "und" else language,
    )


def _film_stream(stream: re.Match[str]) -> FilmStream:
    size, rate = _SIZE.search(stream["rest"]), _RATE.search(stream["rest"])
    return FilmStream(
        int(stream["index"]),
        stream["codec"],
        int(size[1]) if size else 0,
        int(size[2]) if size else 0,
        float(rate[1]) * (1000 if rate[2] else 1) if rate else 0.0,
    )


def _duration_ms(report: str) -> int:
    match = _DURATION.search(report)
    if match is None:
        return 0
    hours, minutes, seconds, hundredths = map(int, match.groups())
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + hundredths * 10
