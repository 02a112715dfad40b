"""Page breaks, list markers and hidden parts by the styles of an OpenDocument file.

Elements are those of OASIS OpenDocument 1.3 part 3, 16 (styles) and 17 (formatting).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from functions.read_document.office.docx_styles import number_text

if TYPE_CHECKING:
    from lxml.etree import _Element

_NS = "urn:oasis:names:tc:opendocument:xmlns:"
OFFICE = f"{{{_NS}office:1.0}}"
TEXT = f"{{{_NS}text:1.0}}"
TABLE = f"{{{_NS}table:1.0}}"
DRAW = f"{{{_NS}drawing:1.0}}"
STYLE = f"{{{_NS}style:1.0}}"
PRESENTATION = f"{{{_NS}presentation:1.0}}"
FO = f"{{{_NS}xsl-fo-compatible:1.0}}"
_FORMATS = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}


@dataclass(frozen=True, slots=True)
class ListMarker:
    """The marker of list items at one level; without a `format` it is a bullet."""

    format: str
    before: str
    after: str
    start: int

    def text(self, number: int) -> str:
        """Return the marker of item `number`, which counts from 0."""
        if not self.format:
            return "- "
        shown = number_text(self.start + number, _FORMATS.get(self.format, "decimal"))
        return f"{self.before}{shown}{self.after} "


BULLET = ListMarker("", "", "", 1)


@dataclass(slots=True)
class OdfStyles:
    """The styles that matter for text, by name."""

    breaks_before: set[str] = field(default_factory=set)
    breaks_after: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    """The styles of tables and slides that are not displayed."""
    bold: set[str] = field(default_factory=set)
    """The styles of paragraphs and of text that are in bold."""
    lists: dict[str, dict[int, ListMarker]] = field(default_factory=dict)

    @classmethod
    def of(cls, roots: Iterable[_Element]) -> OdfStyles:
        """Return the styles that these parts define."""
        styles = cls()
        derived: dict[str, list[str]] = {}
        for root in roots:
            for style in root.iter(f"{STYLE}style"):
                name = style.get(f"{STYLE}name", "")
                derived.setdefault(style.get(f"{STYLE}parent-style-name", ""), []).append(name)
                styles._take(name, style)
            for style in root.iter(f"{TEXT}list-style"):
                styles.lists[style.get(f"{STYLE}name", "")] = _markers(style)
        for names in (styles.breaks_before, styles.breaks_after, styles.bold):
            _add_derived(names, derived)
        return styles

    def marker(self, name: str, level: int) -> ListMarker:
        """Return the marker of list items at `level`, which counts from 1."""
        return self.lists.get(name, {}).get(level, BULLET)

    def _take(self, name: str, style: _Element) -> None:
        if style.get(f"{STYLE}master-page-name"):
            self.breaks_before.add(name)
        for properties in style:
            if properties.get(f"{FO}break-before") == "page":
                self.breaks_before.add(name)
            if properties.get(f"{FO}break-after") == "page":
                self.breaks_after.add(name)
            if properties.get(f"{FO}font-weight") == "bold":
                self.bold.add(name)
            is_off = properties.get(f"{TABLE}display") == "false"
            if is_off or properties.get(f"{PRESENTATION}visibility") == "hidden":
                self.hidden.add(name)


def _add_derived(names: set[str], derived: Mapping[str, Sequence[str]]) -> None:
    """Add the styles that inherit from one of `names`; each style is visited once."""
    waiting = list(names)
    while waiting:
        for name in derived.get(waiting.pop(), ()):
            if name not in names:
                names.add(name)
                waiting.append(name)


def _markers(style: _Element) -> dict[int, ListMarker]:
    markers: dict[int, ListMarker] = {}
    for level in style:
        at = level.get(f"{TEXT}level", "")
        if at.isdigit() and level.tag == f"{TEXT}list-level-style-number":
            start = level.get(f"{TEXT}start-value", "1")
            markers[int(at)] = ListMarker(
                level.get(f"{STYLE}num-format", ""),
                level.get(f"{STYLE}num-prefix", ""),
                level.get(f"{STYLE}num-suffix", ""),
                int(start) if start.isdigit() else 1,
            )
    return markers
