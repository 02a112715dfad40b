"""Documents with lists that are no tables: arrays of single values, and entries of labelled lines.

They are apart from the other designs, whose documents stay as they are. Each has one list between
facts and sentences of its language; training and validation have ways of their own to set it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal

from models.datasets.business_documents.clauses import filler
from models.datasets.business_documents.concepts import concepts
from models.datasets.business_documents.facts import DocumentFacts
from models.datasets.business_documents.form_facts import fill_form
from models.datasets.business_documents.generated_document import (
    GeneratedDocument,
    TrueList,
    TrueValue,
)
from models.datasets.business_documents.item_table import cell_mark
from models.datasets.business_documents.label_choice import LabelChoice
from models.datasets.business_documents.labelled_blocks import Area, labels_left
from models.datasets.business_documents.locales import TRAINING, writing_style
from models.datasets.business_documents.pen import Pen
from models.datasets.business_documents.sheet import Run, Sheet
from models.datasets.business_documents.wordings import wordings

ShapeSplit = Literal["train", "validation"]
_WORDS = Path(__file__).parent / "words" / "arrays.json"
_COUNTS = (1, 2, 3, 3, 4, 5, 7, 10, 16)
_FIELDS = (
    *("last_name", "first_name", "birth_date", "phone", "email", "employer", "occupation"),
    *("monthly_income", "start_date", "identity_number", "city"),
)
_FONTS = ("helvetica", "helvetica", "times", "courier")


@cache
def _arrays() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Return the labels of arrays by what they have, and by language."""
    found: Mapping[str, Mapping[str, Sequence[str]]] = json.loads(_WORDS.read_text("utf-8"))
    return found


def shaped_documents(
    split: ShapeSplit, seed: int, count: int, shapes: Sequence[str] = ("array", "entries")
) -> Iterator[GeneratedDocument]:
    """Yield documents of shapes and ways to set them in turn."""
    for at in range(count):
        shape = shapes[at % len(shapes)]
        ways = _WAYS[shape]
        own = [name for name in ways if (name in _VALIDATION) == (split == "validation")]
        yield _drawn(shape, own[at // len(shapes) % len(own)], f"{split}/{seed}/{at}")


def _drawn(shape: str, way: str, seed: str) -> GeneratedDocument:
    rng = random.Random(seed)  # noqa: S311 - documents are to be the same each time
    locale = rng.choice(TRAINING)
    facts = DocumentFacts(writing_style(locale, rng), rng)
    choice = LabelChoice(locale.language, rng, 0.0)
    sheet = Sheet(rng.choice(_FONTS))
    pen = Pen(sheet, facts, choice)
    fill_form(facts)
    facts.put("signed_on", facts.day())
    sheet.add_page()
    pen.title("contract_title", 15)
    asked = _around(pen)
    draw: Callable[[Pen, str], tuple[dict[str, Any], tuple[str, ...]]] = (
        _array if shape == "array" else _entries
    )
    source, names = draw(pen, way)
    (pointer,) = source
    pen.y += 2 * pen.size
    _sentences(pen, 2)
    labels_left(pen, asked, Area(pen.left, pen.y + 6, pen.width))
    return GeneratedDocument(
        pdf=sheet.output(),
        schema={"type": "object", "properties": source},
        truth=(),
        lists=(_truth(facts, sheet, names, source[pointer], f"/{pointer}"),),
        kind=shape,
        template=f"{shape}_{way}",
        language=locale.code,
        scanned=False,
        pages=sheet.page,
        labels=choice.chosen,
    )


def _around(pen: Pen) -> tuple[str, ...]:
    """Write facts and sentences above the list, and return the facts that go below it."""
    names = ("identity_number", "start_date", "city")
    pen.y = labels_left(pen, names[:2], Area(pen.left, pen.y, pen.width)) + 6
    _sentences(pen, pen.rng.randrange(1, 3))
    pen.y += pen.size
    return names[2:]


def _sentences(pen: Pen, count: int) -> None:
    for _ in range(count):
        pen.y = pen.sheet.paragraph(pen.left, pen.y, pen.width, filler(pen), size=pen.size) + 4


def _room(pen: Pen, lines: int) -> None:
    if pen.y + 1.4 * lines * pen.size > pen.bottom:
        pen.sheet.add_page()
        pen.y = pen.left


def _array(pen: Pen, way: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Draw an array, and return its schema by its key, and its concept."""
    rng, facts = pen.rng, pen.facts
    name = rng.choice(sorted(_arrays()))
    concept = {"dates": "milestone_date", "emails": "email", "amounts": "fee"}.get(
        name, "reference"
    )
    made: Mapping[str, Callable[[], str | date | Decimal]] = {
        "dates": facts.day,
        "emails": facts.email,
        "amounts": lambda: facts.money(5, 9_000),
        "serial_numbers": lambda: facts.code("@@-#####"),
        "attendees": facts.person,
        "tags": facts.good,
    }
    for _ in range(rng.choice(_COUNTS)):
        facts.rows.append({concept: facts.fact(concept, made[name]())})
    label = rng.choice(_arrays()[name][pen.choice.language])
    _ARRAYS[way](pen, label, concept)
    items = {"dates": {"type": "string", "format": "date"}, "amounts": {"type": "number"}}
    email = {"type": "string", "format": "email"}
    leaf = items.get(name, email if name == "emails" else {"type": "string"})
    english = rng.choice(_arrays()[name]["en"])
    key = "_".join(english.lower().replace("-", "").split())
    array: dict[str, Any] = {"type": "array", "items": leaf}
    if rng.random() < 0.5:
        array["title"] = rng.choice(_arrays()[name][pen.choice.language])
    return {key: array}, (concept,)


def _values(pen: Pen, concept: str) -> list[tuple[Run, ...]]:
    return [pen.cell(at, row, concept, bare=True) for at, row in enumerate(pen.facts.rows)]


def _below(pen: Pen, label: str, concept: str, mark: Callable[[int], str]) -> None:
    _room(pen, 4)
    colon = pen.rng.choice((":", ":", ""))
    pen.sheet.write(
        pen.left, pen.y, f"{label}{colon}", size=pen.size, style=pen.rng.choice(("", "B"))
    )
    pen.y += 1.5 * pen.size
    for at, value in enumerate(_values(pen, concept)):
        _room(pen, 1)
        sign = mark(at)
        text = ((f"{sign} ", None), *value) if sign else value
        left = pen.left + (10 if sign else 0)
        pen.y = pen.sheet.paragraph(left, pen.y, pen.width - 10, text, size=pen.size)


def _behind(pen: Pen, label: str, concept: str, sign: str, last: str) -> None:
    values = _values(pen, concept)
    pieces: list[Run] = [(f"{label}: ", None)]
    for at, value in enumerate(values):
        joint = last if last and at == len(values) - 1 else sign
        pieces += [*([(joint, None)] if at else []), *value]
    _room(pen, 4)
    pen.y = pen.sheet.paragraph(pen.left, pen.y, pen.width, pieces, size=pen.size)


def _beside(pen: Pen, label: str, concept: str) -> None:
    pen.sheet.write(pen.left, pen.y, label, size=pen.size)
    for value in _values(pen, concept):
        _room(pen, 1)
        pen.sheet.write(pen.left + 190, pen.y, value, size=pen.size)
        pen.y += 1.3 * pen.size


_ARRAYS: Mapping[str, Callable[[Pen, str, str], None]] = {
    "bullets": lambda pen, label, name: _below(pen, label, name, lambda at: "•"),
    "numbered": lambda pen, label, name: _below(pen, label, name, lambda at: f"{at + 1}."),
    "lines": lambda pen, label, name: _below(pen, label, name, lambda at: ""),
    "semicolons": lambda pen, label, name: _behind(pen, label, name, "; ", ""),
    "beside": _beside,
    "dashes": lambda pen, label, name: _below(pen, label, name, lambda at: "–"),  # noqa: RUF001
    "bars": lambda pen, label, name: _behind(pen, label, name, " | ", ""),
    "lettered": lambda pen, label, name: _below(pen, label, name, lambda at: f"{chr(97 + at)})"),
}


def _entries(pen: Pen, way: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Draw entries of labelled lines, and return their schema by its key, and their concepts."""
    rng, facts = pen.rng, pen.facts
    names = [each for each in _FIELDS if rng.random() < 0.5][:6] or list(_FIELDS[:3])
    if len(names) < 2:
        names = list(_FIELDS[:3])
    around = dict(facts.single)
    for _ in range(rng.choice(_COUNTS[1:])):
        fill_form(facts)
        row = {name: facts.single[name] for name in names}
        facts.rows.append({n: row[n] for n in names if n == names[0] or rng.random() < 0.9})
    facts.single = around
    _ENTRIES[way](pen, names)
    properties: dict[str, Any] = {}
    for name in names:
        kind = concepts()[name].kind
        leaf: dict[str, Any] = {"type": "number" if kind == "money" else "string"}
        if kind in ("date", "email"):
            leaf["format"] = kind
        own = wordings(pen.choice.language)[name][0]
        if rng.random() < 0.5:
            leaf["title"] = rng.choice(own)
        properties[rng.choice(concepts()[name].keys)] = leaf
    key = rng.choice(("people", "employees", "entries"))
    rows = {"type": "array", "items": {"type": "object", "properties": properties}}
    return {key: rows}, tuple(names)


def _blocks(pen: Pen, names: Sequence[str], *, gap: float, headed: bool, apart: bool) -> None:
    for at, row in enumerate(pen.facts.rows):
        _room(pen, len(row) + 1)
        if headed:
            pen.sheet.write(pen.left, pen.y, f"{at + 1}.", size=pen.size, style="B")
            pen.y += 1.5 * pen.size
        for name in (each for each in names if each in row):
            value = pen.cell(at, row, name, bare=True)
            if apart:
                pen.sheet.write(pen.left, pen.y, pen.label(name), size=pen.size)
                pen.sheet.write(pen.left + 170, pen.y, value, size=pen.size)
            else:
                text = ((f"{pen.label(name)}: ", None), *value)
                pen.sheet.write(pen.left, pen.y, text, size=pen.size)
            pen.y += 1.3 * pen.size
        pen.y += gap * pen.size


_ENTRIES: Mapping[str, Callable[[Pen, Sequence[str]], None]] = {
    "colons": lambda pen, names: _blocks(pen, names, gap=0.9, headed=False, apart=False),
    "apart": lambda pen, names: _blocks(pen, names, gap=0.9, headed=False, apart=True),
    "close": lambda pen, names: _blocks(pen, names, gap=0.0, headed=False, apart=False),
    "headed": lambda pen, names: _blocks(pen, names, gap=0.6, headed=True, apart=False),
    "headed_apart": lambda pen, names: _blocks(pen, names, gap=0.6, headed=True, apart=True),
}
_WAYS: Mapping[str, Sequence[str]] = {"array": tuple(_ARRAYS), "entries": tuple(_ENTRIES)}
_VALIDATION = frozenset(("dashes", "bars", "lettered", "headed", "headed_apart"))


def _truth(
    facts: DocumentFacts,
    sheet: Sheet,
    names: Sequence[str],
    source: Mapping[str, Any],
    pointer: str,
) -> TrueList:
    properties = source["items"].get("properties")
    keys = dict(zip(names, properties or ("",), strict=True))
    rows = []
    for at, row in enumerate(facts.rows):
        cells = []
        for name in names:
            places = tuple(sheet.places.get(cell_mark(at, name), ()))
            value = row[name].value if name in row and places else None
            key = f"/{keys[name]}" if keys[name] else ""
            cells.append(
                TrueValue(f"{pointer}/{at}{key}", name, concepts()[name].kind, value, places)
            )
        rows.append(tuple(cells))
    return TrueList(pointer, tuple(rows))
