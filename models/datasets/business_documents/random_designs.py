"""Designs that are drawn at random, so that there are as many of them as there are seeds.

A design has its paper, margins, look of labels, a few placements of labels, and blocks of facts in
its own order, some beside each other, with headings, notes and facts that nobody asks for between.
A ranker that learns from a few designs by hand learns their places; of random ones it learns what
they have in common.
J. Tobin et al., Domain randomization, IROS 2017, https://arxiv.org/abs/1703.06907
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from models.datasets.business_documents.clauses import filler
from models.datasets.business_documents.designs import A4, DocumentDesign, DocumentKind
from models.datasets.business_documents.documents import legible_document
from models.datasets.business_documents.extra_facts import extra_facts, extra_heading
from models.datasets.business_documents.generated_document import GeneratedDocument
from models.datasets.business_documents.label_lines import Placement
from models.datasets.business_documents.label_look import LabelledFact, LabelLook
from models.datasets.business_documents.label_placements import drawn_placement
from models.datasets.business_documents.labelled_blocks import Area
from models.datasets.business_documents.pen import Pen
from models.datasets.business_documents.prose import (
    draw_prose,
    drawn_sentences,
    sentence_values,
)
from models.datasets.business_documents.random_blocks import (
    fact_groups,
    list_block,
    party_blocks,
    running_lines,
    written_title,
)

MAX_ATTEMPTS = 12
_PAPERS = (A4, A4, A4, (612.0, 792.0), (612.0, 1_008.0), (420.0, 595.0), (842.0, 595.0))
_ROWS = (1, 2, 2, 3, 3, 4, 5, 6, 9)
_ROLL_WIDTHS = (165.0, 200.0, 226.0, 260.0, 290.0)
_LEAST_HEIGHT = 30.0
PROSE: Mapping[DocumentKind, float] = {
    "contract": 0.6,
    "invoice": 0.15,
    "statement": 0.15,
    "form": 0.15,
    "receipt": 0.0,
}
"""Share of the documents of each kind that have values in sentences, and `ALONE` of these the share
whose values stand there alone."""
ALONE = 0.7

Block = Callable[[Pen, Area], float]


@dataclass(frozen=True, slots=True)
class RandomDesign:
    """A design of a kind of document by a seed: draws any facts of that kind, always alike."""

    kind: DocumentKind
    seed: str
    __name__ = "random"

    def paper(self) -> tuple[float, float]:
        """Return its width and height in points."""
        rng = random.Random(f"{self.seed}/paper")  # noqa: S311 - the same each time
        if self.kind == "receipt" and rng.random() < 0.7:
            return rng.choice(_ROLL_WIDTHS), 1_400.0
        return rng.choice(_PAPERS)

    def __call__(self, pen: Pen) -> None:
        """Draw a document."""
        rng = random.Random(self.seed)  # noqa: S311 - the same each time
        look = LabelLook.drawn(rng)
        palette = [drawn_placement(rng) for _ in range(rng.choice((1, 1, 2, 2, 3)))]
        if pen.sheet.width >= 300:
            pen.size = rng.choice((7.5, 8.5, 9.0, 10.0, 11.0))
            pen.left = float(rng.choice((28, 40, 56, 70)))
        pen.right = pen.sheet.width - pen.left
        pen.bottom, pen.y = pen.sheet.height - 60, float(rng.choice((34, 48, 64)))
        running_lines(pen, look, rng)
        pen.sheet.add_page()
        blocks = _blocks(pen, self.kind, look, palette, rng)
        _arrange(pen, blocks, rng)


def _blocks(
    pen: Pen, kind: DocumentKind, look: LabelLook, palette: Sequence[Placement], rng: random.Random
) -> list[tuple[Block, float]]:
    """Return the blocks of a document in its own order, each with the height that it may need."""
    heading = rng.random() < 0.3
    found: list[tuple[Block, float]] = []
    parties = party_blocks(pen, kind, look, rng)
    repeated = rng.random() < 0.25
    groups = fact_groups(kind, rng)
    sentences = drawn_sentences(pen, kind, rng) if rng.random() < PROSE[kind] else []
    if sentences and rng.random() < ALONE:
        told = sentence_values(sentences)
        groups = [[name for name in group if name not in told] for group in groups]
    if repeated:
        every = [name for group in groups for name in group]
        groups.insert(rng.randrange(len(groups) + 1), rng.sample(every, min(3, len(every))))
    blanks = rng.random() < (0.8 if kind == "form" else 0.25)
    for group in groups:
        own = _look_of_group(look, rng)
        place = rng.choice(palette)
        names = group if blanks else pen.known(group)
        texts = [own.labelled(pen, name) for name in names]
        texts = _with_extras(pen, own, texts, rng)
        title = extra_heading(pen, rng) if heading and rng.random() < 0.7 else ""
        if texts:
            found.append(_labelled_block(own, place, texts, title))
    if rng.random() < 0.4:
        texts = _with_extras(pen, look, [], rng, share=1.0)
        found.append(_labelled_block(look, rng.choice(palette), texts, ""))
    if rng.random() < 0.5:
        found.append((_note, 40.0))
    found += _paragraphs(sentences, rng)
    rng.shuffle(found)
    if rng.random() < 0.5:  # Beside each other, where the design has blocks beside each other.
        at = rng.randrange(len(found) + 1)
        found[at:at] = parties
    else:
        found += parties
        rng.shuffle(found)
    if rng.random() < 0.9:
        found.insert(rng.choice((0, 0, 0, 1, 2)), (written_title(kind, rng), 40.0))
    if rows := list_block(pen, kind, rng):
        at = rng.randrange(len(found) // 2, len(found) + 1)
        found.insert(at, (rows, 0.0))
    return found


def _paragraphs(sentences: Sequence[str], rng: random.Random) -> list[tuple[Block, float]]:
    """Return blocks of one to four sentences each."""
    size = rng.choice((1, 2, 2, 4))
    made: list[tuple[Block, float]] = []
    for at in range(0, len(sentences), size):
        part = sentences[at : at + size]
        made.append((partial(draw_prose, sentences=part, rng=rng), 20.0 + 30.0 * len(part)))
    return made


def _look_of_group(look: LabelLook, rng: random.Random) -> LabelLook:
    """Return the look, with bold or large values at times."""
    if rng.random() < 0.85:
        return look
    return replace(look, value_style=rng.choice(("", "B")), value_size=rng.choice((1.0, 1.3)))


def _with_extras(
    pen: Pen,
    look: LabelLook,
    texts: list[LabelledFact],
    rng: random.Random,
    share: float = 0.35,
) -> list[LabelledFact]:
    """Return labelled values with some among them that nobody asks for."""
    if rng.random() > share:
        return texts
    found = list(texts)
    for word, value in extra_facts(pen, rng.randrange(1, 4), rng):
        extra = LabelledFact(((look.cased(word), None),), ((value, None),))
        found.insert(rng.randrange(len(found) + 1), extra)
    return found


def _labelled_block(
    look: LabelLook, place: Placement, texts: Sequence[LabelledFact], title: str
) -> tuple[Block, float]:
    def draw(pen: Pen, area: Area) -> float:
        y = area.y
        if title:
            pen.sheet.write(area.x, y, title, size=1.15 * pen.size, style="B")
            y += 1.7 * pen.size
        return place(pen, look, texts, area._replace(y=y))

    return draw, 30.0 + 34.0 * len(texts)


def _note(pen: Pen, area: Area) -> float:
    text = pen.note() if pen.rng.random() < 0.6 else f"{filler(pen)} {filler(pen)}"
    return pen.sheet.paragraph(*area, text, size=pen.size - 0.5) + 4


def _arrange(pen: Pen, blocks: Sequence[tuple[Block, float]], rng: random.Random) -> None:
    """Draw blocks one below the other, and some beside each other; tables have the width alone."""
    beside = rng.choice((0.0, 0.4, 0.8))
    indent = rng.choice((0.0, 0.0, 0.0, 0.3, 0.5))
    gap = rng.choice((4.0, 8.0, 14.0))
    at = 0
    while at < len(blocks):
        count = 1
        wide = pen.width
        most = 3 if wide > 480 else 2 if wide > 300 else 1
        if blocks[at][1] and rng.random() < beside:
            while count < most and at + count < len(blocks) and blocks[at + count][1]:
                count += 1
                if rng.random() < 0.6:
                    break
        row = blocks[at : at + count]
        at += count
        high = max((height for _, height in row), default=0.0)
        _room(pen, min(high, 0.6 * pen.sheet.height) or 60.0)
        top, bottom = pen.y, pen.y
        share = rng.choice((0.5, 0.5, 0.4, 0.6)) if count == 2 else 1 / count
        left = pen.left
        for number, (draw, height) in enumerate(row):
            width = wide * (share if number == 0 or count != 2 else 1 - share)
            narrow = count == 1 and height and indent and rng.random() < 0.3
            shift = indent * wide if narrow else 0.0
            area = Area(left + shift, top, width - shift - (10 if count > 1 else 0))
            bottom = max(bottom, draw(pen, area))
            left += width
        pen.y = bottom + gap


def _room(pen: Pen, height: float) -> None:
    if pen.y + height > pen.bottom and pen.y > _LEAST_HEIGHT + 40:
        pen.sheet.add_page()
        pen.y = 60


def random_document(kind: DocumentKind, seed: str, invented: float = 0.0) -> GeneratedDocument:
    """Return a document of a design of its own, by the words of a seed.

    `invented` is the share of its labels that mean nothing.
    Designs in which texts are written over each other or off the page are drawn anew.
    """
    for attempt in range(MAX_ATTEMPTS):
        own = f"{seed}/{kind}/{attempt}"
        drawn = RandomDesign(kind, f"{own}/design")
        design = DocumentDesign(kind, "train", drawn, drawn.paper())
        rows = random.Random(f"{own}/rows").choice(_ROWS)  # noqa: S311 - the same each time
        found = legible_document(design, own, rows, invented)
        if found is not None:
            return found
    raise ValueError(f"No design of {kind} by the seed {seed!r} is legible.")
