"""Types of sound and film files by their first bytes, and the demuxers that read them.

The demuxer is named to ffmpeg, so that no file can pass for another kind, such as a playlist that
makes it open other files or addresses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

MEDIA_DEMUXERS: Mapping[str, str] = {
    "audio/wav": "wav",
    "audio/flac": "flac",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/mp4": "mov",
    "video/mp4": "mov",
    "video/quicktime": "mov",
    "video/x-matroska": "matroska",
    "video/webm": "matroska",
}
"""The demuxer of each media type that is read. A film type without a picture has its sound type."""

SOUND_TYPES: Mapping[str, str] = {
    "video/mp4": "audio/mp4",
    "video/quicktime": "audio/mp4",
    "video/x-matroska": "audio/x-matroska",
    "video/webm": "audio/webm",
}
"""The media type of a container of films that has sound alone."""

FILM_TYPES: Mapping[str, str] = {"audio/mp4": "video/mp4", "audio/ogg": "video/ogg"}
"""The media type of a container of sound that has a film in it."""

READABLE = "WAV, MP3, FLAC, M4A, OGG, MP4, MOV, MKV and WebM"

_WAVE = re.compile(rb"(?:RIFF|RF64|RIFX).{4}WAVE", re.DOTALL)
_FTYP = re.compile(rb".{4}ftyp(.{4})", re.DOTALL)
_QUICKTIME = re.compile(rb".{4}(?:moov|mdat|wide|free|skip|pnot)", re.DOTALL)
_EBML = b"\x1a\x45\xdf\xa3"
_HEAD = 4096
_SOUND_BRANDS = frozenset({b"M4A ", b"M4B ", b"M4P "})
_STILL_BRANDS = re.compile(rb"he[iv][cmsx]|mif1|msf1|avi[fs]|crx ")
"""Brands of pictures in the same container."""

_UNREAD_KINDS: Mapping[str, re.Pattern[bytes]] = {
    "AIFF sound": re.compile(rb"FORM.{4}AIF[FC]", re.DOTALL),
    "AAC sound without a container": re.compile(rb"\xff[\xf0\xf1\xf8\xf9]"),
    "AC-3 sound": re.compile(rb"\x0b\x77"),
    "AMR sound": re.compile(rb"#!AMR"),
    "AU sound": re.compile(rb"\.snd\0"),
    "Core Audio sound": re.compile(rb"caff\0"),
    "Wave64 sound": re.compile(rb"riff\x2e\x91\xcf\x11"),
    "an AVI film": re.compile(rb"RIFF.{4}AVI ", re.DOTALL),
    "Windows Media (WMV, WMA or ASF)": re.compile(rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
    "Flash Video": re.compile(rb"FLV\x01"),
    "an MPEG program stream": re.compile(rb"\0\0\x01\xba"),
    "an MPEG transport stream": re.compile(rb"(?:G.{187}){2}G", re.DOTALL),
}
"""Sound and film that is not read, by its first bytes; some of these begin texts, too."""

_BITRATES = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_BITRATES_2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
"""Kilobits a second and hertz of MPEG audio layer III, by version: ISO/IEC 11172-3, 2.4.2.3."""


def is_recording(media_type: str) -> bool:
    """Return whether a media type is one of sound or film."""
    return media_type.startswith(("audio/", "video/"))


def media_type_of(head: bytes) -> str:
    """Return the media type of a sound or film file that begins with `head`, "" of any other."""
    if _WAVE.match(head):
        return "audio/wav"
    if head.startswith(b"fLaC"):
        return "audio/flac"
    if head.startswith(b"OggS"):
        return "audio/ogg"
    if head.startswith(_EBML):
        return "video/webm" if b"webm" in head[:_HEAD] else "video/x-matroska"
    brand = _FTYP.match(head)
    if brand:
        return _brand_type(brand[1])
    if _QUICKTIME.match(head):
        return "video/quicktime"
    return "audio/mpeg" if _is_mp3(head) else ""


def unread_kind(head: bytes) -> str:
    """Name the sound or film that is not read and begins with `head`, "" of anything else.

    `head` is no text.
    """
    return next((name for name, mark in _UNREAD_KINDS.items() if mark.match(head)), "")


def _brand_type(brand: bytes) -> str:
    if _STILL_BRANDS.match(brand):
        return ""
    if brand in _SOUND_BRANDS:
        return "audio/mp4"
    return "video/quicktime" if brand == b"qt  " else "video/mp4"


def _is_mp3(head: bytes) -> bool:
    """Return whether `head` begins with an ID3 tag, or with two frames of layer III."""
    if head.startswith(b"ID3"):
        return len(head) > 10 and head[3] in (2, 3, 4) and max(head[6:10]) < 128
    size = _frame_bytes(head)
    return bool(size) and bool(_frame_bytes(head[size:]))


def _frame_bytes(head: bytes) -> int:
    """Return the size of the frame of layer III whose header `head` begins with, 0 if of none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return 0
    version, rate, bits = head[1] >> 3 & 3, head[2] >> 2 & 3, head[2] >> 4
    if version == 1 or rate == 3 or not 0 < bits < 15:
        return 0
    kilobits = (_BITRATES if version == 3 else _BITRATES_2)[bits - 1]
    samples = 144_000 if version == 3 else 72_000
    return samples * kilobits // _RATES[version][rate] + (head[2] >> 1 & 1)
