"""Decode the sound of a file that a call brings, a piece at a time."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from chalicelib.contracts.functions.read_media import DecodedSound, DecodeSoundRequest
from chalicelib.errors import InvalidInput, Unsupported
from chalicelib.media.ffmpeg import ProcessBudget
from chalicelib.media.pauses import cut_at_pauses, milliseconds
from chalicelib.media.sound import decode_pcm
from functions.read_media.recording_parts import EMPTY_SOUND, length_in_words

MAX_CALL_MS = 15 * 60 * 1000
"""The longest recording of a call: it is transcribed in 45 s, the worst measured in 180 s."""
MAX_PIECE_MS, MIN_PIECE_MS = 120_000, 90_000
"""Lengths of the sound of one answer: 3.84 MB, 5.3 MB in base64, of Lambda's 6 MiB."""
MAX_SHORT_MS, MIN_SHORT_MS = 30_000, 15_000
"""Lengths of the pieces of a stream: Whisper's window has 30 s."""
DECODING = ProcessBudget(cpu_seconds=30, wall_seconds=50.0)
"""Budget of decoding for one answer: a call's function waits for it."""


def decode_sound(request: DecodeSoundRequest, clock: Callable[[], float]) -> DecodedSound:
    """Return the sound of a file from `start_ms` on, up to a pause within `MAX_PIECE_MS`.

    The first answer decodes all of the file, so that one that is too long is refused at once.

    Raises:
        InvalidInput: the file is damaged, or has no sound, or 0 s of it.
        Unsupported: it is of no kind that is read, lasts longer than `MAX_CALL_MS`, or takes too
            much to decode.
    """
    began = clock()
    with TemporaryDirectory(prefix="headrace-call-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "source"
        path.write_bytes(request.data)
        sound, is_last = _piece(path, request.start_ms)
    shorts = cut_at_pauses([sound], MIN_SHORT_MS, MAX_SHORT_MS)
    ends = tuple(itertools.accumulate(map(milliseconds, shorts)))
    return DecodedSound.model_construct(
        sound=sound, ends_ms=ends, is_last=is_last, seconds=max(0.0, clock() - began)
    )


def _piece(path: Path, start_ms: int) -> tuple[bytes, bool]:
    """Return the sound up to a pause, and whether the recording ends there."""
    end_ms = MAX_CALL_MS + 1_000 if not start_ms else start_ms + MAX_PIECE_MS + 1_000
    length, first = 0, None
    with closing(decode_pcm(path, start_ms, end_ms, budget=DECODING)) as blocks:
        for piece in cut_at_pauses(blocks, MIN_PIECE_MS, MAX_PIECE_MS):
            length += milliseconds(piece)
            if first is None:
                first = piece
    if start_ms + length > MAX_CALL_MS:
        raise Unsupported(
            f"The recording lasts more than {length_in_words(MAX_CALL_MS)}, which is the most that"
            " a call transcribes. Upload it as a document (POST /v1/documents), or send pieces.",
            field="file",
            limit=f"{MAX_CALL_MS // 1000} s",
        )
    if first is None and not start_ms:
        raise InvalidInput(EMPTY_SOUND, field="file")
    sound = first or b""
    return sound, milliseconds(sound) >= length
