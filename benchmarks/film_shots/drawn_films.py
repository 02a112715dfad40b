"""Films drawn by a seed: panned photographs and slides, with cuts, fades and dissolves between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tests.media_files import encode

PHOTOGRAPHS = Path(__file__).resolve().parents[2] / "tests" / "data" / "pictures"
FPS, WIDTH, HEIGHT = 25, 320, 180
SHOTS = 25
SLIDES = 0.4
"""The share of shots that are slides of text, which do not move."""
KINDS = ("cut", "dissolve", "fade")
SHARES = (0.7, 0.15, 0.15)
_PHOTOGRAPH = (480, 300)
_TYPES = (".png", ".jpg", ".jpeg", ".webp")
_WORDS = (
    *("river", "valve", "meeting", "budget", "turbine", "pressure", "garden", "winter"),
    *("harvest", "signal", "market", "engine", "bridge"),
)

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Change:
    """A cut, fade or dissolve between two shots, in seconds; a cut begins where it ends."""

    kind: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class DrawnFilm:
    """A film, and where its shots change."""

    path: Path
    changes: tuple[Change, ...]
    seconds: float


def draw_film(seed: int, path: Path) -> DrawnFilm:
    """Write the film of a seed as MP4 at `path`."""
    rng = np.random.default_rng(seed)
    photographs = _photographs()
    frames: list[Pixels] = []
    changes: list[Change] = []
    for _ in range(SHOTS):
        count = int(rng.integers(25, 110))
        is_slide = rng.random() < SLIDES
        shot = list(_slide(rng, count) if is_slide else _panned(rng, photographs, count))
        if frames:
            changes.append(_join(frames, shot, str(rng.choice(KINDS, p=SHARES)), rng))
        else:
            frames += shot
    raw = path.with_suffix(".rgb")
    raw.write_bytes(b"".join(frame.tobytes() for frame in frames))
    size = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(FPS))
    codec = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "26", "-pix_fmt", "yuv420p")
    encode(path, *size, "-i", str(raw), *codec)
    raw.unlink()
    return DrawnFilm(path, tuple(changes), len(frames) / FPS)


def _photographs() -> list[Pixels]:
    """Return every photograph of at least 100 pixels a side, by name."""
    found = []
    for path in sorted(PHOTOGRAPHS.iterdir()):
        if path.suffix in _TYPES:
            image = Image.open(path).convert("RGB")
            if min(image.size) >= 100:
                found.append(np.asarray(image.resize(_PHOTOGRAPH)))
    return found


def _slide(rng: np.random.Generator, count: int) -> Iterator[Pixels]:
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(14)
    for line in range(rng.integers(3, 7)):
        draw.text((16, 14 + 24 * line), " ".join(rng.choice(_WORDS, 4)), fill="black", font=font)
    for _ in range(count):
        yield np.asarray(image)


def _panned(rng: np.random.Generator, photographs: list[Pixels], count: int) -> Iterator[Pixels]:
    """Yield frames of a window that goes over a photograph at a constant speed, with noise."""
    photograph = photographs[rng.integers(len(photographs))]
    width, height = _PHOTOGRAPH
    zoom = rng.uniform(0.5, 0.9)
    first, last = rng.uniform(0, 1 - zoom, 2), rng.uniform(0, 1 - zoom, 2)
    speed = rng.uniform(0.1, 1)
    for number in range(count):
        left, top = first + (last - first) * number / count * speed
        x, y = int(left * width), int(top * height)
        window = photograph[y : y + int(zoom * height), x : x + int(zoom * width)]
        scaled = np.asarray(Image.fromarray(window).resize((WIDTH, HEIGHT))).astype(np.int16)
        noise = rng.integers(-4, 5, (HEIGHT, WIDTH, 1))
        yield np.clip(scaled + noise, 0, 255).astype(np.uint8)


def _join(frames: list[Pixels], shot: list[Pixels], kind: str, rng: np.random.Generator) -> Change:
    """Append a shot to the frames by a change of a kind; return where it is."""
    at = len(frames)
    if kind == "dissolve":
        length = min(int(rng.integers(10, 25)), len(shot) - 3)
        tail = frames[-length:]
        del frames[-length:]
        for number, (before, behind) in enumerate(zip(tail, shot[:length], strict=True)):
            weight = (number + 1) / (length + 1)
            frames.append((before * (1 - weight) + behind * weight).astype(np.uint8))
        frames += shot[length:]
        return Change(kind, (at - length) / FPS, at / FPS)
    if kind == "fade":
        length = int(rng.integers(8, 18))
        for number in range(length):
            frames[-1 - number] = (frames[-1 - number] * (number / length)).astype(np.uint8)
            shot[number] = (shot[number] * (number / length)).astype(np.uint8)
        frames += shot
        return Change(kind, (at - length) / FPS, (at + length) / FPS)
    frames += shot
    return Change(kind, at / FPS, at / FPS)
