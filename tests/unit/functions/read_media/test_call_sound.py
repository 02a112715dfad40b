"""The sound of files that calls bring, in pieces."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from chalicelib.contracts.functions.read_media import DecodedSound, DecodeSoundRequest
from chalicelib.errors import InvalidInput, Unsupported
from functions.read_media.call_sound import MAX_CALL_MS, MAX_PIECE_MS, decode_sound
from tests.media_files import FILM, TONE, encode


def decoded(path: Path, start_ms: int = 0) -> DecodedSound:
    request = DecodeSoundRequest.model_construct(data=path.read_bytes(), start_ms=start_ms)
    return decode_sound(request, lambda: 0.0)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mp3", TONE),
        ("a.m4a", TONE),
        ("a.flac", TONE),
        ("a.ogg", (*TONE, "-c:a", "libopus")),
        ("a.webm", (*TONE, "-c:a", "libopus")),
        ("a.mp4", (*FILM, *TONE)),
        ("a.wav", (*TONE, "-c:a", "adpcm_ms")),
    ],
)
def test_sound_of_any_kind_is_decoded_whole(
    tmp_path: Path, name: str, options: tuple[str, ...]
) -> None:
    found = decoded(encode(tmp_path / name, *options))
    assert found.is_last
    assert found.ends_ms == (len(found.sound) // 32,)
    assert found.ends_ms[0] == pytest.approx(2_000, abs=60)
    assert np.abs(np.frombuffer(found.sound, "<i2")).max() > 2_000


def test_pieces_of_a_long_recording_join_to_the_whole(tmp_path: Path) -> None:
    # Its pitch rises, so that a sample says when it is; it pauses each 9th second.
    rising = "aevalsrc=if(lt(mod(t\\,10)\\,9)\\,sin(t*t)/2\\,0):d=200:s=16000"
    path = encode(tmp_path / "a.mp3", "-f", "lavfi", "-i", rising, "-b:a", "32k")
    first = decoded(path)
    rest = decoded(path, first.ends_ms[-1])
    assert (first.is_last, rest.is_last) == (False, True)
    assert 90_000 <= first.ends_ms[-1] <= MAX_PIECE_MS
    assert first.ends_ms[-1] % 10_000 > 9_000, "it is cut in a pause"
    assert all(end - begin <= 30_000 for begin, end in itertools.pairwise((0, *first.ends_ms)))
    whole = np.frombuffer(first.sound + rest.sound, "<i2").astype(float)
    truth = np.frombuffer(_whole(path), "<i2").astype(float)
    assert len(whole) == pytest.approx(len(truth), abs=32)
    border = len(first.sound) // 2
    near = slice(border - 16_000, border + 48_000)
    assert np.corrcoef(whole[near], truth[near])[0, 1] > 0.99


def _whole(path: Path) -> bytes:
    options = ("-i", str(path), "-ac", "1", "-ar", "16000", "-f", "s16le")
    return encode(path.with_suffix(".pcm"), *options).read_bytes()


def test_what_is_too_long_is_refused_before_anything_is_transcribed(tmp_path: Path) -> None:
    long = f"anullsrc=r=8000:cl=mono:d={MAX_CALL_MS // 1000 + 2}"
    path = encode(tmp_path / "a.flac", "-f", "lavfi", "-i", long)
    with pytest.raises(Unsupported, match=r"more than 15 minutes.*POST /v1/documents") as caught:
        decoded(path)
    assert (caught.value.field, caught.value.limit) == ("file", "900 s")


def test_what_has_no_sound_or_is_damaged_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no sound"):
        decoded(encode(tmp_path / "silent.mp4", *FILM))
    with pytest.raises(InvalidInput, match="lasts 0 s"):
        decoded(encode(tmp_path / "a.wav", *TONE, "-t", "0"))
    cut = encode(tmp_path / "a.m4a", *TONE)
    cut.write_bytes(cut.read_bytes()[:2_000])
    with pytest.raises(InvalidInput, match="damaged"):
        decoded(cut)
