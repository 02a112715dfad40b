"""PNG charts of results by Pillow: points with intervals, joined in their order."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 760, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 130, 16, 40
_PAPER, _AXIS = (255, 255, 255), (120, 120, 120)
_INKS = ((31, 97, 141), (203, 67, 53), (30, 132, 73))
_CAP = 4


@dataclass(frozen=True, slots=True)
class Point:
    """A value with its interval at an x position, which is above 0 for the logarithmic axis."""

    name: str
    at: float
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class _Scale:
    """Conversion of positions and values to pixels from the left and upper edges."""

    first: float
    last: float
    highest: float

    def across(self, at: float) -> float:
        span = math.log(self.last / self.first) or 1.0
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * math.log(at / self.first) / span

    def down(self, value: float) -> float:
        return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * value / (self.highest or 1.0)


def drawn(lines: Mapping[str, Sequence[Point]], across: str, up: str) -> Image.Image:
    """Return a chart of `lines` over a logarithmic axis `across` and an axis `up` from 0.

    Raises:
        ValueError: there is no point, or one that is not above 0.
    """
    every = [point for points in lines.values() for point in points]
    if not every or min(point.at for point in every) <= 0:
        raise ValueError("A curve needs points whose places are above 0.")
    places = [point.at for point in every]
    scale = _Scale(min(places), max(places), max(point.high for point in every))
    sheet = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
    pen = ImageDraw.Draw(sheet)
    _axes(pen, scale, across, up)
    for ink, (name, points) in zip(_INKS, lines.items(), strict=False):
        _line(pen, scale, sorted(points, key=lambda point: point.at), ink)
        last = max(points, key=lambda point: point.at)
        pen.text((scale.across(last.at) + 8, scale.down(last.value) - 14), name, fill=ink)
    return sheet


def _axes(pen: ImageDraw.ImageDraw, scale: _Scale, across: str, up: str) -> None:
    bottom, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
    pen.line([(_LEFT, _TOP), (_LEFT, bottom), (right, bottom)], fill=_AXIS)
    pen.text((8, _TOP - 8), f"{scale.highest:.3g}", fill=_AXIS)
    pen.text((8, bottom - 8), "0", fill=_AXIS)
    pen.text((_LEFT + 8, _TOP - 8), up, fill=_AXIS)
    for power in range(math.ceil(math.log10(scale.first)), math.floor(math.log10(scale.last)) + 1):
        x = scale.across(10.0**power)
        pen.line([(x, bottom), (x, bottom + _CAP)], fill=_AXIS)
        pen.text((x - 4, bottom + 8), f"{10.0**power:g}", fill=_AXIS)
    pen.text(((_LEFT + right) / 2 - 60, bottom + 22), across, fill=_AXIS)


def _line(
    pen: ImageDraw.ImageDraw, scale: _Scale, points: Sequence[Point], ink: tuple[int, int, int]
) -> None:
    pen.line(
        [(scale.across(each.at), scale.down(each.value)) for each in points], fill=ink, width=2
    )
    for each in points:
        x, high, low = scale.across(each.at), scale.down(each.high), scale.down(each.low)
        pen.line([(x, high), (x, low)], fill=ink)
        for end in (high, low):
            pen.line([(x - _CAP, end), (x + _CAP, end)], fill=ink)
        y = scale.down(each.value)
        pen.ellipse([(x - 3, y - 3), (x + 3, y + 3)], fill=ink)
        pen.text((x + 5, y + 3), each.name, fill=_AXIS)
