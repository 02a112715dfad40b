"""YAML as it is written, with the paths of its larger mappings and lists as headings.

The text stays as it is, comments included, so that a citation shows what stands in the file. Keys
are told by lines and indentation rather than by a parser: templates of YAML, which no parser takes,
are read as well.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chalicelib.contracts.ingest import Page
from chalicelib.documents.pages import clean, trail_text

MIN_LINES = 16
"""Lines below a key from which on it has a heading. Those below a smaller one stay with it."""
MAX_DEPTH = 64
"""Keys above a line that are followed; those further in count as text."""
_MAX_LINE = 400
_KEY = re.compile(
    r"""(?P<indent>[ ]*(?:-[ ]+)*)
    (?P<key>"[^"\n]{1,100}"|'[^'\n]{1,100}'|[^\s\#'"{}\[\]-][^\n]{0,100}?)
    [ ]*:(?=[ \t]|$)(?P<value>[^\n]*)""",
    re.VERBOSE,
)
_BLOCK_TEXT = re.compile(r"\s*(?:[!&]\S+\s+)*[|>][-+0-9]{0,2}\s*(?:#.*)?$")
_ITEM = re.compile(r"[ ]*-(?:[ ]|$)")


@dataclass(slots=True)
class _Key:
    """A key, where its line begins with the comments above it, and how deep it is nested."""

    name: str
    start: int
    indent: int
    above: Sequence[str]
    lines: int = 0
    end: int = 0
    """Where the first line behind what is below it begins, with the comments above that."""
    first: int = -1
    """Where the first line below it begins, likewise."""

    @property
    def path(self) -> str:
        """Return the names of the keys above it and its own."""
        return trail_text([*self.above, self.name])


def yaml_page(text: str) -> Page:
    """Return YAML as page 1, with the path of each key that has many lines below it as heading.

    What follows such a key on an outer level is under the path of that level.
    """
    text = clean(text)
    headings: dict[int, str] = {}
    outer: _Key | None = None
    for key in _keys(text):
        if key.lines < MIN_LINES:
            continue
        start = key.start
        if outer is not None and outer.first == start and headings.get(outer.start) == outer.path:
            start = outer.start  # Nothing stands between the two: one passage opens for both.
        headings[start] = key.path
        headings.setdefault(key.end, trail_text(key.above))
        outer = dataclasses.replace(key, start=start)
    headings.pop(len(text), None)
    return Page(page=1, text=text, headings=tuple(sorted(headings.items())))


def _keys(text: str) -> Iterator[_Key]:
    """Yield the keys of `text` with what is below them, an outer one before those within it."""
    found: list[_Key] = []
    opened: list[_Key] = []
    at, comments, quoted = 0, -1, -1
    for line in text.split("\n"):
        start = comments if comments >= 0 else at
        indent = len(line) - len(line.lstrip(" "))
        behind = at + len(line) + 1
        if not line.strip() or (quoted >= 0 and indent > quoted):
            comments = -1
        elif line.lstrip().startswith("#"):
            comments = start
        else:
            quoted = comments = -1
            key = _KEY.match(line) if len(line) <= _MAX_LINE else None
            depth = len(key["indent"]) if key else indent
            _close(opened, indent if _ITEM.match(line) else depth, start, line)
            for above in opened:
                above.lines += 1
                above.first = start if above.first < 0 else above.first
            if key and len(opened) < MAX_DEPTH:
                name = key["key"].strip("\"' ")
                opened.append(_Key(name, start, depth, [above.name for above in opened]))
                found.append(opened[-1])
                quoted = depth if _BLOCK_TEXT.match(key["value"]) else -1
        at = behind
    for key_left in opened:
        key_left.end = len(text)
    return iter(found)


def _close(opened: list[_Key], indent: int, start: int, line: str) -> None:
    """End the keys that a line at `indent` is not below; a list may stand at its key's own."""
    is_item = _ITEM.match(line) is not None
    while opened and (opened[-1].indent > indent or (opened[-1].indent == indent and not is_item)):
        opened.pop().end = start
