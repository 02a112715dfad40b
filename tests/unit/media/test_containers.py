"""Types of sound and film by their first bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.media.containers import MEDIA_DEMUXERS, media_type_of

MP3_FRAME = b"\xff\xfb\x90\x00" + bytes(413)
"""128 kbit/s at 44.1 kHz: 417 bytes."""


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"RIFF\x24\0\0\0WAVEfmt ", "audio/wav"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", ""),
        (b"RIFF\x24\0\0\0AVI LIST", ""),
        (b"fLaC\0\0\0\x22", "audio/flac"),
        (b"OggS\0\x02", "audio/ogg"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm", "video/webm"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x88matroska", "video/x-matroska"),
        (b"\0\0\0\x20ftypisom", "video/mp4"),
        (b"\0\0\0\x1cftypM4A ", "audio/mp4"),
        (b"\0\0\0\x14ftypqt  ", "video/quicktime"),
        (b"\0\0\0\x18ftypheic", ""),
        (b"\0\0\0\x1cftypavif", ""),
        (b"\0\0\x01\0moov", "video/quicktime"),
        (b"ID3\x04\0\0\0\0\x02\x01TSSE", "audio/mpeg"),
        (MP3_FRAME * 2, "audio/mpeg"),
        (MP3_FRAME, ""),
        ("\ufeffno sound".encode("utf-16"), ""),
        (b"\xff\xfb", ""),
        (b"#EXTM3U\nhttp://192.0.2.1/", ""),
        (b"", ""),
    ],
)
def test_a_file_is_typed_by_its_first_bytes(head: bytes, expected: str) -> None:
    assert media_type_of(head) == expected


@given(st.binary(max_size=600))
def test_any_bytes_have_a_type_with_a_demuxer_or_none(head: bytes) -> None:
    kind = media_type_of(head)

    assert not kind or kind in MEDIA_DEMUXERS
