"""Plots of a look as a PNG: each feature of the newest calls beside the baseline.

Pillow draws them, with the font that it brings: matplotlib would add 90 MB to a function's bundle.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from chalicelib.contracts.drift import DriftReport, FeatureReport
    from chalicelib.monitoring.features import FeatureValues
    from chalicelib.monitoring.two_samples import Sample

COLUMNS = 3
PANEL = (400, 250)
HEAD = 76
MARGIN = 16
BINS = 24
MAX_BARS = 6
_BASE, _WINDOW, _ALARM = (148, 163, 184), (37, 99, 235), (200, 30, 30)
_INK, _FAINT, _PAPER = (30, 41, 59), (226, 232, 240), (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Bars:
    """What a panel shows: a label and two shares a bar."""

    labels: tuple[str, ...]
    baseline: tuple[float, ...]
    window: tuple[float, ...]
    joined: bool


def draw_report(report: DriftReport, baseline: FeatureValues, window: FeatureValues) -> bytes:
    """Return a PNG with a panel a feature, in the order of the report."""
    rows = max(1, -(-len(report.features) // COLUMNS))
    size = (COLUMNS * PANEL[0] + 2 * MARGIN, HEAD + rows * PANEL[1] + MARGIN)
    image = Image.new("RGB", size, _PAPER)
    drawing = ImageDraw.Draw(image)
    _draw_head(drawing, report)
    for place, feature in enumerate(report.features):
        left = MARGIN + place % COLUMNS * PANEL[0]
        top = HEAD + place // COLUMNS * PANEL[1]
        _draw_panel(drawing, (left, top), feature, _bars(feature, baseline, window))
    written = io.BytesIO()
    image.save(written, "PNG", optimize=True)
    return written.getvalue()


def _draw_head(drawing: ImageDraw.ImageDraw, report: DriftReport) -> None:
    title = f"{report.subject.path}, version {report.version}: {report.status}"
    drawing.text((MARGIN, 14), title, _ALARM if report.drifted else _INK, _font(22))
    at = MARGIN
    for colour, label in (
        (_BASE, f"baseline, {report.baseline_calls} calls"),
        (_WINDOW, f"newest {report.window_calls} calls"),
        (_ALARM, "newest calls, drifted"),
    ):
        drawing.rectangle((at, 52, at + 14, 64), fill=colour)
        drawing.text((at + 20, 50), label, _INK, _font(13))
        at += 200


def _draw_panel(
    drawing: ImageDraw.ImageDraw, corner: tuple[int, int], feature: FeatureReport, bars: Bars
) -> None:
    left, top = corner
    right, bottom = left + PANEL[0] - 24, top + PANEL[1] - 34
    colour = _ALARM if feature.drifted else _WINDOW
    drawing.text((left, top + 4), feature.name, _ALARM if feature.drifted else _INK, _font(15))
    told = f"PSI {feature.psi:.2f}   p {feature.p_value:.2g}"
    drawing.text((right - drawing.textlength(told, _font(12)), top + 7), told, _INK, _font(12))
    floor, ceiling = bottom, top + 32
    drawing.line((left, floor, right, floor), fill=_INK)
    highest = max((*bars.baseline, *bars.window), default=0.0) or 1.0
    count = max(1, len(bars.labels))
    width = (right - left) / count

    def height(share: float) -> float:
        return floor - (floor - ceiling) * share / highest

    for place, (base, new) in enumerate(zip(bars.baseline, bars.window, strict=True)):
        x = left + place * width
        if bars.joined:
            drawing.rectangle((x, height(base), x + width, floor), fill=_BASE)
        else:
            drawing.rectangle((x + 4, height(base), x + width / 2 - 2, floor), fill=_BASE)
            drawing.rectangle((x + width / 2 + 2, height(new), x + width - 4, floor), fill=colour)
    if bars.joined:
        _draw_steps(drawing, left, width, [height(share) for share in bars.window], colour)
    _draw_labels(drawing, bars, (left, right, floor), width)


def _draw_steps(
    drawing: ImageDraw.ImageDraw,
    left: float,
    width: float,
    heights: list[float],
    colour: tuple[int, int, int],
) -> None:
    points: list[tuple[float, float]] = []
    for place, y in enumerate(heights):
        points += [(left + place * width, y), (left + (place + 1) * width, y)]
    if points:
        drawing.line(points, fill=colour, width=2)


def _draw_labels(
    drawing: ImageDraw.ImageDraw, bars: Bars, ends: tuple[float, float, float], width: float
) -> None:
    left, right, floor = ends
    font = _font(12)
    if bars.joined:
        drawing.text((left, floor + 4), bars.labels[0], _INK, font)
        last = bars.labels[-1]
        drawing.text((right - drawing.textlength(last, font), floor + 4), last, _INK, font)
        return
    for place, label in enumerate(bars.labels):
        shown = label if len(label) <= width // 8 else label[: max(1, int(width // 8) - 1)] + "."
        middle = left + (place + 0.5) * width - drawing.textlength(shown, font) / 2
        drawing.text((middle, floor + 4), shown, _INK, font)


def _bars(feature: FeatureReport, baseline: FeatureValues, window: FeatureValues) -> Bars:
    if feature.kind == "category":
        given = (baseline.categories.get(feature.name, {}), window.categories.get(feature.name, {}))
        return _category_bars(*given)
    return _number_bars(baseline.numbers[feature.name], window.numbers[feature.name])


def _category_bars(base: Mapping[str, int], new: Mapping[str, int]) -> Bars:
    """Return bars of the most frequent categories, and one of all others."""
    names = sorted(base.keys() | new.keys(), key=lambda name: -base.get(name, 0) - new.get(name, 0))
    shown, others = names[:MAX_BARS], names[MAX_BARS:]
    labels = (*shown, "others") if others else tuple(shown)
    return Bars(labels, _shares(base, shown, others), _shares(new, shown, others), joined=False)


def _shares(
    counts: Mapping[str, int], shown: Sequence[str], others: Sequence[str]
) -> tuple[float, ...]:
    total = sum(counts.values()) or 1
    shares = [counts.get(name, 0) / total for name in shown]
    rest = [sum(counts.get(name, 0) for name in others) / total] if others else []
    return (*shares, *rest)


def _number_bars(base: Sample, new: Sample) -> Bars:
    """Return a histogram of both samples; the hundredth part at either end is in the last bins."""
    both = np.concatenate((base, new))
    low, high = (float(each) for each in np.quantile(both, (0.01, 0.99)))
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, BINS + 1)
    shares = [
        tuple(
            float(each) for each in np.histogram(np.clip(values, low, high), edges)[0] / len(values)
        )
        for values in (base, new)
    ]
    labels = [""] * BINS
    labels[0], labels[-1] = _short(low), _short(high)
    return Bars(tuple(labels), shares[0], shares[1], joined=True)


def _counts(values: Sample, edges: Sample) -> Sample:
    return np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0].astype(np.float64)


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
