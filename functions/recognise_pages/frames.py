"""Recognise the text on frames of a film."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chalicelib.contracts.ingest import Page, spent
from chalicelib.contracts.jsonl import dump_lines, parse_lines
from chalicelib.contracts.shots import FrameText, ReadFramesRequest, ReadFramesResult
from chalicelib.retrieval.ids import frame_key, screen_key
from functions.recognise_pages.text import confidence, shows_text, text_page

if TYPE_CHECKING:
    from chalicelib.contracts.objects import ObjectStore
    from functions.recognise_pages.pictures import Recognise

MAX_PIXELS = 1_280 * 1_280
MAX_SECONDS = 100.0
"""A call begins no frame after it: a child has five minutes for all that is done of a part."""


def read_frames(
    request: ReadFramesRequest,
    objects: ObjectStore,
    recognise: Recognise,
    clock: Callable[[], float],
    memory_gb: float,
) -> ReadFramesResult:
    """Write the text of frames from `first` on into `screen.jsonl`, as many as there is time for.

    Raises:
        Conflict: lines of an earlier call are missing.
        InvalidInput: a frame is damaged.
    """
    began = clock()
    place = (request.tenant, request.document_id, request.version, request.part)
    key = screen_key(*place)
    lines: list[FrameText] = []
    if request.first > 1:
        lines += parse_lines(objects.read(request.bucket, key), FrameText, request.first - 1)
    for frame in range(request.first, request.frames + 1):
        if len(lines) >= request.first and clock() - began > MAX_SECONDS:
            break
        lines.append(
            _frame_text(frame, objects.read(request.bucket, frame_key(*place, frame)), recognise)
        )
    objects.write(request.bucket, key, dump_lines(lines), {"lines": str(len(lines))})
    used = spent(clock() - began, memory_gb)
    images = len(lines) - request.first + 1
    return ReadFramesResult(
        first=len(lines) + 1, recognising=used.model_copy(update={"images": images})
    )


def _frame_text(frame: int, data: bytes, recognise: Recognise) -> FrameText:
    # Pillow is loaded for frames and pictures alone.
    from chalicelib.inference.image_pages import page_pixels

    pixels, _ = page_pixels(data, 1, MAX_PIXELS)
    lines = recognise(pixels)
    if not shows_text(lines):
        return FrameText(frame=frame)
    text = text_page(Page(page=1, text=""), lines).text
    return FrameText(frame=frame, text=text, confidence=round(confidence(lines), 2))
