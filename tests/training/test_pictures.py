"""Pictures for cards: what is laid where."""

from __future__ import annotations

import numpy as np

from models.evaluation import figures

RED, BLUE = np.array([200, 0, 0], np.uint8), np.array([0, 0, 200], np.uint8)


def squares(count: int, colour: figures.Pixels) -> figures.Pixels:
    return np.broadcast_to(colour, (count, 4, 4, 3)).copy()


def test_each_row_should_stand_below_its_title() -> None:
    rows = np.stack([squares(30, RED), squares(30, BLUE)])
    sheet = figures.titled_rows(["first", "second"], rows, scale=2)
    title, row = 16, (4 + 2) * 2
    assert sheet.shape == (2 * (title + row), (30 * 5 + 1) * 2, 3)
    for at, colour in enumerate((RED, BLUE)):
        top = at * (title + row)
        assert (sheet[top : top + title] != 255).any()
        assert (sheet[top + title + 4, 6] == colour).all()


def test_each_image_should_stand_beside_its_lines() -> None:
    images = np.concatenate([squares(1, RED), squares(1, BLUE)]).repeat(8, axis=1).repeat(8, axis=2)
    sheet = figures.with_lines(images, ["one\ntwo", ""], scale=1)
    assert sheet.shape == (2 * 33 + 1, figures.WIDTH, 3)
    assert (sheet[5, 5] == RED).all()
    assert (sheet[38, 5] == BLUE).all()
    assert (sheet[:33, 40:] != 255).any()
    assert (sheet[38:, 40:] == 255).all()
