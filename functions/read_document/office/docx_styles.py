"""Heading levels and list markers by the paragraph styles and numbering of a DOCX.

Elements and their defaults are those of ECMA-376 part 1, 17.7 (styles) and 17.9 (numbering).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.etree import _Element

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
MAX_LEVEL = 6

_HEADING = re.compile(r"heading (\d)$", re.IGNORECASE)
_CONTENTS = re.compile(r"toc (?:\d|heading)$", re.IGNORECASE)
_BODY_LEVEL = 9
_PLACE = re.compile(r"%([1-9])")
_LEVELS = 9
_OFF = ("0", "false", "off")


@dataclass(frozen=True, slots=True)
class ParagraphStyle:
    """The effects of a paragraph style on its text; `level` 0 is no heading."""

    level: int = 0
    is_contents: bool = False
    breaks_page: bool = False
    numbering: tuple[str, int] | None = None


PLAIN = ParagraphStyle()


@dataclass(slots=True)
class ParagraphStyles:
    """The paragraph styles, by id: ids are localised, names of built-in styles are not."""

    by_id: dict[str, ParagraphStyle] = field(default_factory=dict)

    @classmethod
    def of(cls, root: _Element | None) -> ParagraphStyles:
        """Return the styles that the styles part defines."""
        styles = cls()
        if root is None:
            return styles
        elements = {
            style.get(f"{W}styleId", ""): style
            for style in root.iterfind(f"{W}style")
            if style.get(f"{W}type", "paragraph") == "paragraph"
        }
        for identifier in elements:
            styles.by_id[identifier] = _inherited_style(identifier, elements)
        return styles

    def of_paragraph(self, properties: _Element | None) -> ParagraphStyle:
        """Return the style of a paragraph, its own properties before those of its named style."""
        if properties is None:
            return PLAIN
        style_name = properties.find(f"{W}pStyle")
        style = (
            PLAIN if style_name is None else self.by_id.get(style_name.get(f"{W}val", ""), PLAIN)
        )
        own = _outline(properties)
        return ParagraphStyle(
            level=style.level if own is None else own,
            is_contents=style.is_contents,
            breaks_page=_is_on(properties, "pageBreakBefore", style.breaks_page),
            numbering=_numbering(properties) or style.numbering,
        )


@dataclass(slots=True)
class ListNumbering:
    """Counts list items, and headings that are numbered, as Word shows them."""

    formats: dict[str, dict[int, tuple[str, str, int]]] = field(default_factory=dict)
    """For each list, by level: the number format, the text and the first number."""
    lists: dict[str, str] = field(default_factory=dict)
    """For each list, the abstract list whose numbers it shares."""
    counts: dict[str, list[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, root: _Element | None) -> ListNumbering:
        """Return the lists that the numbering part defines, with no item counted yet."""
        numbering = cls()
        if root is None:
            return numbering
        abstract = {
            item.get(f"{W}abstractNumId", ""): _levels(item)
            for item in root.iterfind(f"{W}abstractNum")
        }
        for item in root.iterfind(f"{W}num"):
            base = item.find(f"{W}abstractNumId")
            name = "" if base is None else base.get(f"{W}val", "")
            identifier = item.get(f"{W}numId", "")
            levels = dict(abstract.get(name, {}))
            restarts = False
            for change in item.iterfind(f"{W}lvlOverride"):
                levels.update(_levels(change))
                restarts = True
            numbering.formats[identifier] = levels
            numbering.lists[identifier] = f"{name}/{identifier}" if restarts else name
        return numbering

    def marker(self, place: tuple[str, int] | None) -> str:
        """Return the marker before the next item of a list, with a space, or ""."""
        if place is None or place[0] not in self.formats:
            return ""
        identifier, level = place
        levels = self.formats[identifier]
        counts = self.counts.setdefault(self.lists[identifier], [0] * _LEVELS)
        kind, text, start = levels.get(level, ("bullet", "", 1))
        counts[level] = counts[level] + 1 if counts[level] else start
        counts[level + 1 :] = [0] * (_LEVELS - level - 1)
        if kind == "none":
            return ""
        if kind == "bullet" or not text:
            return "- "

        def shown(match: re.Match[str]) -> str:
            at = int(match.group(1)) - 1
            other, _, first = levels.get(at, ("decimal", "", 1))
            return number_text(counts[at] or first, other)

        marker = _PLACE.sub(shown, text).strip()
        return f"{marker} " if marker else ""


def number_text(number: int, kind: str) -> str:
    """Return `number` in one of Word's number formats; an unknown one is shown as decimal."""
    if kind in ("lowerLetter", "upperLetter"):
        letters = chr(ord("a") + (number - 1) % 26) * min((number - 1) // 26 + 1, 26)
        return letters if kind == "lowerLetter" else letters.upper()
    if kind in ("lowerRoman", "upperRoman"):
        return roman(number) if kind == "lowerRoman" else roman(number).upper()
    return f"{number:02}" if kind == "decimalZero" else str(number)


def roman(number: int) -> str:
    """Return a positive number below 4,000 in lower case Roman, any other in decimal."""
    if not 0 < number < 4000:
        return str(number)
    values = (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1)
    signs = ("m", "cm", "d", "cd", "c", "xc", "l", "xl", "x", "ix", "v", "iv", "i")
    text = ""
    for value, sign in zip(values, signs, strict=True):
        count, number = divmod(number, value)
        text += sign * count
    return text


def is_on(properties: _Element | None, name: str) -> bool:
    """Return whether an on/off property is present and not off."""
    return properties is not None and _is_on(properties, name, False)


def _is_on(properties: _Element, name: str, otherwise: bool) -> bool:
    property_element = properties.find(f"{W}{name}")
    return (
        otherwise if property_element is None else property_element.get(f"{W}val", "1") not in _OFF
    )


def _inherited_style(identifier: str, elements: dict[str, _Element]) -> ParagraphStyle:
    """Return a style with its inherited properties; a cycle of base styles is cut."""
    chain: list[_Element] = []
    visited: set[str] = set()
    while identifier in elements and identifier not in visited:
        visited.add(identifier)
        chain.append(elements[identifier])
        base = chain[-1].find(f"{W}basedOn")
        identifier = "" if base is None else base.get(f"{W}val", "")
    levels = (_level_of(style) for style in chain)
    numberings = (_numbering(style.find(f"{W}pPr")) for style in chain)
    return ParagraphStyle(
        level=next((level for level in levels if level is not None), 0),
        is_contents=any(_CONTENTS.match(_name(style)) for style in chain),
        breaks_page=any(is_on(style.find(f"{W}pPr"), "pageBreakBefore") for style in chain),
        numbering=next((numbering for numbering in numberings if numbering is not None), None),
    )


def _name(style: _Element) -> str:
    name_element = style.find(f"{W}name")
    return "" if name_element is None else name_element.get(f"{W}val", "")


def _level_of(style: _Element) -> int | None:
    """Return the heading level that a style sets itself; None leaves it to its base style."""
    properties = style.find(f"{W}pPr")
    own = None if properties is None else _outline(properties)
    if own is not None:
        return own
    name = _name(style)
    heading = _HEADING.match(name)
    if heading:
        return min(int(heading.group(1)), MAX_LEVEL)
    return 1 if name.lower() == "title" else None


def _outline(properties: _Element) -> int | None:
    """Return the level of an outline level, which counts from 0; 9 is body text."""
    level = properties.find(f"{W}outlineLvl")
    value = "" if level is None else level.get(f"{W}val", "")
    if not value.isdigit():
        return None
    return 0 if int(value) >= _BODY_LEVEL else min(int(value) + 1, MAX_LEVEL)


def _numbering(properties: _Element | None) -> tuple[str, int] | None:
    """Return the list and the level of paragraphs; list 0 removes them from any list."""
    properties_of_list = None if properties is None else properties.find(f"{W}numPr")
    if properties_of_list is None:
        return None
    list_id, level = properties_of_list.find(f"{W}numId"), properties_of_list.find(f"{W}ilvl")
    identifier = "" if list_id is None else list_id.get(f"{W}val", "")
    value = "0" if level is None else level.get(f"{W}val", "0")
    return identifier, min(int(value), _LEVELS - 1) if value.isdigit() else 0


def _levels(item: _Element) -> dict[int, tuple[str, str, int]]:
    levels: dict[int, tuple[str, str, int]] = {}
    for level in item.iterfind(f"{W}lvl"):
        at = level.get(f"{W}ilvl", "")
        if at.isdigit() and int(at) < _LEVELS:
            start = _value(level, "start", "1")
            levels[int(at)] = (
                _value(level, "numFmt", "decimal"),
                _value(level, "lvlText", ""),
                int(start) if start.isdigit() else 1,
            )
    return levels


def _value(element: _Element, name: str, otherwise: str) -> str:
    child = element.find(f"{W}{name}")
    return otherwise if child is None else child.get(f"{W}val", otherwise)
