"""Figures for cards: rows of small images, and curves over steps. PNG, by Pillow."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Pixels = NDArray[np.uint8]
History = Mapping[int, Mapping[str, float]]
"""The measurements of each step of a training."""

WIDTH, HEIGHT = 640, 240
_MARGIN = 44
_INKS = ((31, 97, 141), (203, 67, 53), (30, 132, 73), (125, 60, 152))
_PAPER, _AXIS = (255, 255, 255), (120, 120, 120)
_SMOOTH = 50
_TITLE = 16


def grid(images: Pixels, columns: int, scale: int = 4, gap: int = 1) -> Pixels:
    """Return images of [n, height, width, channels] in rows of `columns`, each pixel enlarged.

    Images of one channel become grey; the result is [height, width, 3].
    """
    colours = np.repeat(images, 3, axis=3) if images.shape[3] == 1 else images
    count, high, wide, _ = colours.shape
    rows = -(-count // columns)
    sheet = np.full((rows * (high + gap) + gap, columns * (wide + gap) + gap, 3), 255, np.uint8)
    for at in range(count):
        top, left = (at // columns) * (high + gap) + gap, (at % columns) * (wide + gap) + gap
        sheet[top : top + high, left : left + wide] = colours[at]
    return sheet.repeat(scale, axis=0).repeat(scale, axis=1)


def titled_rows(titles: Sequence[str], rows: Pixels, scale: int = 2) -> Pixels:
    """Return rows of images, [rows, columns, height, width, 3], each below its title."""
    sheets = []
    for title, images in zip(titles, rows, strict=True):
        sheet = grid(images, len(images), scale)
        label = Image.new("RGB", (sheet.shape[1], _TITLE), _PAPER)
        ImageDraw.Draw(label).text((scale, 2), title, fill=_INKS[0])
        sheets += [np.asarray(label), sheet]
    return np.concatenate(sheets)


def with_lines(images: Pixels, texts: Sequence[str], scale: int = 3) -> Pixels:
    """Return images of [n, height, width, channels] in a column, each with lines beside it."""
    sheet = Image.fromarray(grid(images, 1, scale))
    step = (sheet.height - scale) // len(images)
    wide = Image.new("RGB", (WIDTH, sheet.height), _PAPER)
    wide.paste(sheet)
    pen = ImageDraw.Draw(wide)
    for at, text in enumerate(texts):
        pen.multiline_text((sheet.width + 8, at * step + 8), text, fill=_INKS[0])
    return np.asarray(wide)


_PLANE, _POINT, _PLANE_MARGIN = 360, 2, 16


def scatter(points: NDArray[np.float64], labels: NDArray[np.int64]) -> Pixels:
    """Return points, [n, 2], on a square of 360 pixels, in a colour for each label."""
    low, high = points.min(axis=0), points.max(axis=0)
    shares = (points - low) / np.where(high > low, high - low, 1.0)
    sheet = Image.new("RGB", (_PLANE, _PLANE), _PAPER)
    pen = ImageDraw.Draw(sheet)
    kinds = {int(label): at for at, label in enumerate(np.unique(labels))}
    for (across, up), label in zip(shares * (_PLANE - 2 * _PLANE_MARGIN), labels, strict=True):
        x, y = _PLANE_MARGIN + across, _PLANE - _PLANE_MARGIN - up
        colour = _hue(kinds[int(label)] / len(kinds))
        pen.rectangle((x - _POINT, y - _POINT, x + _POINT, y + _POINT), fill=colour)
    return np.asarray(sheet)


_CELL, _SHOWN_CLASSES, _NAME = 28, 16, 18


def confusion_matrix(counts: NDArray[np.float64], labels: Sequence[str]) -> Pixels:
    """Return how often each class, by row, was told as each, by column; the 16 with most rows.

    A cell is the darker, the greater its share of its row is, and has its count.
    """
    chosen = np.argsort(-counts.sum(1), kind="stable")[:_SHOWN_CLASSES]
    shown = counts[np.ix_(chosen, chosen)]
    names = [labels[at][:_NAME] for at in chosen]
    left = 8 + 6 * max(map(len, names))
    size = _CELL * len(chosen)
    sheet = Image.new("RGB", (left + size + 8, size + 8), _PAPER)
    pen = ImageDraw.Draw(sheet)
    for row, (name, line) in enumerate(zip(names, shown, strict=True)):
        pen.text((4, row * _CELL + 8), name, fill=_INKS[0])
        for column, count in enumerate(line):
            share = count / max(1.0, counts[chosen[row]].sum())
            grey = 255 - round(160 * share)
            ink = (grey, 255 - round(60 * share), grey) if row == column else (255, grey, grey)
            x, y = left + column * _CELL, row * _CELL
            pen.rectangle((x, y, x + _CELL - 2, y + _CELL - 2), fill=ink)
            if count:
                pen.text((x + 4, y + 8), f"{count:.0f}", fill=(40, 40, 40))
    return np.asarray(sheet)


def _hue(share: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(share, 0.75, 0.8)
    return round(red * 255), round(green * 255), round(blue * 255)


def save(pixels: Pixels, path: Path) -> None:
    """Write pixels as PNG; the same pixels make the same bytes."""
    Image.fromarray(pixels).save(path, "PNG")


def curve(history: History, name: str) -> Pixels:
    """Return a curve of one value over the steps, smoothed if there are many."""
    return curves({name: history}, name)


def curves(histories: Mapping[str, History], name: str) -> Pixels:
    """Return curves of one value over the steps, of trainings by what each is called.

    Raises:
        ValueError: a training has no such value.
    """
    lines = {label: line(history, name) for label, history in histories.items()}
    if empty := [label for label, (_, values) in lines.items() if not values]:
        raise ValueError(f"{empty[0]} has no values of {name}.")
    every = [value for _, values in lines.values() for value in values]
    low, high = min(every), max(every)
    steps_of = [steps for steps, _ in lines.values()]
    first, last = min(steps[0] for steps in steps_of), max(steps[-1] for steps in steps_of)
    sheet = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
    pen = ImageDraw.Draw(sheet)
    right, bottom = WIDTH - 12, HEIGHT - 24
    pen.line([(_MARGIN, 12), (_MARGIN, bottom), (right, bottom)], fill=_AXIS)
    pen.text((4, 8), f"{high:.3g}", fill=_AXIS)
    pen.text((4, bottom - 10), f"{low:.3g}", fill=_AXIS)
    pen.text((_MARGIN, bottom + 6), f"{name}, steps {first:.0f} to {last:.0f}", fill=_AXIS)
    across, up = (last - first) or 1, (high - low) or 1.0
    for at, (label, (steps, values)) in enumerate(lines.items()):
        colour = _INKS[at % len(_INKS)]
        points = [
            (
                _MARGIN + (right - _MARGIN) * (step - first) / across,
                bottom - (bottom - 12) * (value - low) / up,
            )
            for step, value in zip(steps, values, strict=True)
        ]
        pen.line(points, fill=colour, width=2)
        if len(lines) > 1:
            pen.text((right - 200, 12 + 12 * at), label, fill=colour)
    return np.asarray(sheet)


def line(history: History, name: str) -> tuple[list[float], list[float]]:
    """Return the steps that measured a value, and the values, smoothed where they are many."""
    steps = sorted(step for step in history if name in history[step])
    return _smooth(steps), _smooth([history[step][name] for step in steps])


def _smooth(values: Sequence[float]) -> list[float]:
    """Return means of a sliding window that is a small share of the whole."""
    window = max(1, len(values) // _SMOOTH)
    sums = np.cumsum(np.concatenate([[0.0], np.asarray(values, np.float64)]))
    return [float(each) for each in (sums[window:] - sums[:-window]) / window]


_GAP = 6


_LETTER = 6
"""Pixels that a letter of Pillow's own font takes."""


def caption_sheet(images: NDArray[np.uint8], texts: Sequence[str], scale: int = 2) -> Pixels:
    """Return a row for each of [n, height, width, 3], enlarged, with its text on the right.

    The result is [height, width, 3].
    """
    count, high, wide, _ = images.shape
    row, column = high * scale + _GAP, wide * scale + 2 * _GAP
    across = column + _GAP + _LETTER * max(len(text) for text in texts)
    sheet = Image.new("RGB", (across, count * row + _GAP), (255, 255, 255))
    pen = ImageDraw.Draw(sheet)
    for at, (pixels, text) in enumerate(zip(images, texts, strict=True)):
        top = at * row + _GAP
        large = Image.fromarray(pixels).resize(
            (wide * scale, high * scale), Image.Resampling.NEAREST
        )
        sheet.paste(large, (_GAP, top))
        pen.text((column, top + (row - 2 * _GAP) // 2), text, fill=(20, 20, 20))
    return np.asarray(sheet)
