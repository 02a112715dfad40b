"""The page of what is on screen in a part of a film, by shots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.contracts.ingest import Page
from chalicelib.contracts.page_times import PageTimes, ShownBlock, clock_time

if TYPE_CHECKING:
    from chalicelib.contracts.parts import Part
    from chalicelib.contracts.picture_labels import Label
    from chalicelib.contracts.shots import FilmShot, FrameLabels, FrameText

MIN_SEEN = 0.2
"""The probability of the likeliest label below which nothing is said of what is seen."""
MIN_NAMED = 0.05
"""The lowest probability of a label that the text names, beside the likeliest."""
_BETWEEN = "\n\n"


@dataclass(frozen=True, slots=True)
class _Shown:
    """A frame from `start_ms` to `end_ms`: the likely labels, and the text that is read."""

    start_ms: int
    end_ms: int
    labels: tuple[Label, ...]
    text: str


def screen_page(
    part: Part,
    number: int,
    shots: Sequence[FilmShot],
    texts: Sequence[FrameText],
    seen: Sequence[FrameLabels],
) -> tuple[Page, PageTimes]:
    """Return page `number`, of what is shown and written in the shots of a part, and its times.

    Each shot on which something is seen or read is a block under a heading with its time.
    """
    text, headings, blocks = "", list[tuple[int, str]](), list[ShownBlock]()
    for shown in _shown(shots, texts, seen):
        text += _BETWEEN if text else ""
        start = len(text)
        headings.append((start, f"On screen at {clock_time(shown.start_ms)}"))
        text += _describe(shown.labels)
        seen_end = len(text)
        text += ("\n" if shown.labels and shown.text else "") + shown.text
        blocks.append(
            ShownBlock(
                start=start,
                seen_end=seen_end,
                end=len(text),
                start_ms=shown.start_ms,
                end_ms=shown.end_ms,
                labels=shown.labels,
            )
        )
    page = Page(page=number, text=text, headings=tuple(headings))
    times = PageTimes(
        page=number,
        kind="screen",
        start_ms=part.start_ms,
        end_ms=part.end_ms,
        blocks=tuple(blocks),
    )
    return page, times


def _shown(
    shots: Sequence[FilmShot], texts: Sequence[FrameText], seen: Sequence[FrameLabels]
) -> Iterator[_Shown]:
    """Yield what is shown, in time; what is seen without a text is said once, where it begins."""
    read = {each.frame: each.text for each in texts}
    labels = {each.frame: each.labels for each in seen}
    looked: set[int] = set()
    for start_ms, end_ms, frame in _runs(shots):
        likely = labels.get(frame, ())
        is_new = frame not in looked and bool(likely) and likely[0].share >= MIN_SEEN
        looked.add(frame)
        if is_new or read.get(frame):
            yield _Shown(start_ms, end_ms, likely if is_new else (), read.get(frame, ""))


def _runs(shots: Sequence[FilmShot]) -> Iterator[tuple[int, int, int]]:
    """Yield start, end and frame of consecutive shots that show one frame."""
    run: tuple[int, int, int] | None = None
    for shot in shots:
        if run and run[1:] == (shot.start_ms, shot.frame):
            run = (run[0], shot.end_ms, shot.frame)
            continue
        if run:
            yield run
        run = (shot.start_ms, shot.end_ms, shot.frame)
    if run:
        yield run


def _describe(labels: Sequence[Label]) -> str:
    named = [label.name for at, label in enumerate(labels) if not at or label.share >= MIN_NAMED]
    return f"Seen: {'; '.join(named)}" if named else ""
