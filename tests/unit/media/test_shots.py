"""Shots of films with known cuts."""

from __future__ import annotations

import numpy as np
import pytest

from chalicelib.media.frames import Frame, Pixels
from chalicelib.media.shots import HEIGHT, MAX_SHOT_MS, SAMPLED_FPS, WIDTH, detect_shots

STEP = 1000 / SAMPLED_FPS


def _picture(seed: int) -> Pixels:
    """Return a picture of soft patches."""
    small = np.random.default_rng(seed).integers(0, 256, (HEIGHT // 4, WIDTH // 4, 3))
    return np.kron(small, np.ones((4, 4, 1))).astype(np.uint8)


def _frames(pictures: list[Pixels]) -> list[Frame]:
    return [Frame(round(at * STEP), pixels) for at, pixels in enumerate(pictures)]


def _moved(picture: Pixels, count: int) -> list[Pixels]:
    """Return frames that pan a picture and have grain."""
    rng = np.random.default_rng(count)
    return [
        np.clip(np.roll(picture, at, axis=1) + rng.integers(-5, 6, picture.shape), 0, 255).astype(
            np.uint8
        )
        for at in range(count)
    ]


def test_cuts_are_found_and_motion_is_none() -> None:
    pictures = [*_moved(_picture(1), 30), *_moved(_picture(2), 40), *_moved(_picture(3), 25)]

    shots = detect_shots(_frames(pictures), 7_600)

    assert [shot.start_ms for shot in shots] == [0, 2_400, 5_600]
    assert [shot.end_ms for shot in shots] == [2_400, 5_600, 7_600]
    assert all(shot.start_ms < shot.frame_ms < shot.end_ms for shot in shots)


def test_a_slide_that_gets_another_line_begins_a_shot() -> None:
    slide = np.full((HEIGHT, WIDTH, 3), 250, np.uint8)
    more = slide.copy()
    more[10:12, 5:55] = 120

    shots = detect_shots(_frames([slide] * 30 + [more] * 30), 4_800)

    assert [shot.start_ms for shot in shots] == [0, 2_400]


def test_a_dissolve_is_one_boundary() -> None:
    one, other = _picture(1).astype(float), _picture(2).astype(float)
    mixed = [(one * (1 - at / 12) + other * at / 12).astype(np.uint8) for at in range(13)]

    pictures = [*[_picture(1)] * 30, *mixed, *[_picture(2)] * 30]
    shots = detect_shots(_frames(pictures), 5_840)

    assert len(shots) == 2
    assert shots[1].start_ms == pytest.approx(2_900, abs=500)


def test_what_does_not_end_is_looked_at_again() -> None:
    shots = detect_shots(_frames([_picture(1)] * 1_000), 80_000)

    assert [shot.end_ms - shot.start_ms for shot in shots] == [26_666, 26_667, 26_667]
    assert all(shot.end_ms - shot.start_ms <= MAX_SHOT_MS for shot in shots)


def test_a_flash_is_no_shot_and_no_frames_are_none() -> None:
    white = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)

    shots = detect_shots(_frames([_picture(1)] * 30 + [white] + [_picture(1)] * 30), 4_880)

    assert all(shot.end_ms - shot.start_ms >= 400 for shot in shots)
    assert detect_shots([], 1_000) == []
