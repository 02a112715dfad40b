"""Text read in pictures: the share of words of drawn pages, and what is made up in photographs.

Pages are of real prose, drawn by a font that the recogniser was not chosen on; what befalls a
picture on its way, such as noise or turning, is drawn by a seed.
"""

from __future__ import annotations

import io
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from benchmarks.reporting import Result, spread
from chalicelib.contracts.ingest import Page
from functions.recognise_pages.engine import recognise
from functions.recognise_pages.pictures import ImagePictures
from functions.recognise_pages.text import text_page

PROJECT = Path(__file__).resolve().parent.parent
PHOTOGRAPHS = PROJECT / "tests" / "data" / "pictures"
TEXTS = ("docs/search.md", "docs/training.md", "docs/operating.md", "docs/safety.md")
SEED = 103
LETTERS, WIDTH, MARGIN = 26, 1240, 90
WORDS = 220
"""Words of a page."""
LONG_WORDS = 1_200
"""Words of a long screenshot."""

_WORD = re.compile(r"[^\W\d_]+|\d[\d.,]*")
_MARKUP = re.compile(r"```.*?```|\|[^\n]*|[`*#>\[\]()]|https?:\S+", re.DOTALL)

Change = Callable[[Image.Image, np.random.Generator], Image.Image]


def noisy(page: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return a page with grain and a blur, as a cheap scanner makes it."""
    soft = np.asarray(page.filter(ImageFilter.GaussianBlur(1.0)), np.float32)
    grain = rng.normal(0, 22, soft.shape).astype(np.float32)
    return Image.fromarray(np.clip(soft + grain, 0, 255).astype(np.uint8))


def compressed(page: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return a page after JPEG of quality 25."""
    written = io.BytesIO()
    page.save(written, "JPEG", quality=25)
    return Image.open(io.BytesIO(written.getvalue())).convert("RGB")


def photographed(page: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return a page as a hand-held camera sees it: askew, in perspective, lit from one side."""
    width, height = page.size
    shift = rng.uniform(0, 0.05, 8) * width
    corners = (0, 0, 0, height, width, height, width, 0)
    signs = (-1, -1, -1, 1, 1, 1, 1, -1)
    quad = [at + sign * by for at, sign, by in zip(corners, signs, shift, strict=True)]
    seen = page.transform(
        page.size, Image.Transform.QUAD, quad, Image.Resampling.BICUBIC, fillcolor=(90, 80, 70)
    )
    light = np.linspace(0.55, 1.0, width, dtype=np.float32)[None, :, None]
    return Image.fromarray((np.asarray(seen, np.float32) * light).astype(np.uint8))


CHANGES: Mapping[str, Change] = {
    "as drawn": lambda page, rng: page,
    "turned left": lambda page, rng: page.rotate(90, expand=True),
    "turned right": lambda page, rng: page.rotate(-90, expand=True),
    "upside down": lambda page, rng: page.rotate(180),
    "askew by 3 degrees": lambda page, rng: page.rotate(3, expand=True, fillcolor="white"),
    "noisy": noisy,
    "JPEG of quality 25": compressed,
    "half the size": lambda page, rng: page.resize((page.width // 2, page.height // 2)),
    "photographed": photographed,
}


def prose(count: int, first: int) -> list[list[str]]:
    """Return `count` lists of words of the documentation, from its list `first` on."""
    text = " ".join((PROJECT / name).read_text(encoding="utf-8") for name in TEXTS)
    words = _MARKUP.sub(" ", text).split()
    return [words[at * WORDS : (at + 1) * WORDS] for at in range(first, first + count)]


def drawn(words: Sequence[str]) -> Image.Image:
    """Return a page as high as the words need."""
    font = ImageFont.load_default(LETTERS)
    lines, line = [], ""
    for word in words:
        longer = f"{line} {word}".strip()
        if font.getlength(longer) > WIDTH - 2 * MARGIN:
            lines.append(line)
            longer = word
        line = longer
    lines.append(line)
    pitch = round(1.5 * LETTERS)
    page = Image.new("RGB", (WIDTH, 2 * MARGIN + pitch * len(lines)), "white")
    pen = ImageDraw.Draw(page)
    for number, each in enumerate(lines):
        pen.text((MARGIN, MARGIN + number * pitch), each, font=font, fill=(15, 15, 20))
    return page


def words_of(text: str) -> Counter[str]:
    """Return how often each word is in `text`, whatever its case and signs."""
    return Counter(word.casefold().strip(".,") for word in _WORD.findall(text))


def read(picture: bytes) -> str:
    """Return the text that the ingest reads in a picture."""
    return text_page(Page(page=1, text=""), ImagePictures(picture, recognise).lines(1)).text


def measure(repetitions: int) -> Result:
    """Measure the recall of words on `repetitions` pages, changed in each way, and photographs."""
    rng = np.random.default_rng(SEED)
    pages = prose(repetitions, 0)
    recalls: dict[str, list[float]] = {name: [] for name in CHANGES}
    made_up: list[float] = []
    for words in pages:
        page, told = drawn(words), words_of(" ".join(words))
        for name, change in CHANGES.items():
            found = words_of(read(_png(change(page, rng))))
            recalls[name].append((told & found).total() / told.total())
            if name == "as drawn":
                made_up.append((found - told).total() / told.total())
    long = [word for words in prose(LONG_WORDS // WORDS, repetitions) for word in words]
    told = words_of(" ".join(long))
    picture = drawn(long)
    recalls[f"a screenshot of {picture.width} by {picture.height}"] = [
        (told & words_of(read(_png(picture)))).total() / told.total()
    ]
    false, took = _photographs()
    return Result(
        "picture_text",
        repetitions,
        {
            **{f"words read, {name}": spread(values, "share") for name, values in recalls.items()},
            "words made up, as drawn": spread(made_up, "share"),
            "a photograph without text": spread(took, "CPU s"),
        },
        facts={"photographs": len(took), "read in photographs": false},
    )


def _photographs() -> tuple[dict[str, str], list[float]]:
    """Return what is read in each photograph that has no text, if anything, and the CPU time."""
    false: dict[str, str] = {}
    took = []
    for file in sorted(PHOTOGRAPHS.glob("*.*g*")):
        began = time.process_time()
        text = read(_as_large(file))
        took.append(time.process_time() - began)
        if text:
            false[file.name] = text
    return false, took


def _as_large(file: Path) -> bytes:
    """Return a photograph at the size that a phone takes, as the files kept here are small."""
    with Image.open(file) as kept:
        scale = 3_000 / max(kept.size)
        size = (round(kept.width * scale), round(kept.height * scale))
        return _png(kept.convert("RGB").resize(size, Image.Resampling.BICUBIC))


def _png(page: Image.Image) -> bytes:
    written = io.BytesIO()
    page.save(written, "PNG", compress_level=1)
    return written.getvalue()
