"""Regular expressions of JSON Schemas, read: what is taken of them, as a tree.

https://json-schema.org/draft/2020-12/json-schema-core#section-6.4
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_MAX_DEPTH = 40
_CLASSES = "dDwWsS"
_CONTROLS = "tnrfv"
_COUNT = re.compile(r"\{(\d{1,4})(?:(,)(\d{1,4})?)?\}")
_CODE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4})")
_GROUP = re.compile(r"\?(?::|<[A-Za-z_]\w*>)")


class PatternError(ValueError):
    """Raised for a pattern that is none, or is not taken."""


@dataclass(frozen=True, slots=True)
class Char:
    """One character that `test` takes."""

    test: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Edge:
    """The beginning of the text, or its end."""

    at_end: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One after another."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """Any one of them."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """So often, or as often as there is where `most` is None."""

    item: Node
    least: int
    most: int | None


Node = Char | Edge | Row | Either | Repeat


@dataclass(slots=True)
class Reader:
    """Reads a pattern from its beginning."""

    pattern: str
    at: int = 0
    depth: int = 0

    def whole(self) -> Node:
        """Return all of the pattern. Raises `PatternError`."""
        node = self._either()
        if self.at < len(self.pattern):
            raise PatternError(f"there is a ) too many at {self.at}")
        return node

    def _either(self) -> Node:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise PatternError("its groups are nested too deeply")
        items = [self._row()]
        while self._next("|"):
            items.append(self._row())
        self.depth -= 1
        return items[0] if len(items) == 1 else Either(tuple(items))

    def _row(self) -> Node:
        items: list[Node] = []
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            items.append(self._quantified(self._atom()))
        return Row(tuple(items))

    def _quantified(self, item: Node) -> Node:
        bounds = self._bounds()
        if bounds is None:
            return item
        least, most = bounds
        if isinstance(item, Edge) or (most is not None and most < least):
            raise PatternError(f"what is repeated before {self.at} cannot be")
        self._next("?")
        if self._bounds() is not None:
            raise PatternError(f"it repeats a repetition at {self.at}")
        return Repeat(item, least, most)

    def _bounds(self) -> tuple[int, int | None] | None:
        for sign, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._next(sign):
                return bounds
        found = _COUNT.match(self.pattern, self.at)
        if found is None:
            return None
        self.at = found.end()
        least = int(found[1])
        most = int(found[3]) if found[3] else None if found[2] else least
        return least, most

    def _atom(self) -> Node:
        char = self.pattern[self.at]
        if char in "*+?" or (char == "{" and _COUNT.match(self.pattern, self.at)):
            raise PatternError(f"there is nothing to repeat at {self.at}")
        if char == "\\":
            return Char(re.compile(self._escape()))
        if char == "[":
            return self._class()
        self.at += 1
        if char == "(":
            return self._group()
        if char in "^$":
            return Edge(at_end=char == "$")
        return Char(re.compile(char if char == "." else re.escape(char)))

    def _group(self) -> Node:
        found = _GROUP.match(self.pattern, self.at)
        if found is not None:
            self.at = found.end()
        elif self._next("?"):
            raise PatternError(f"groups that look ahead or behind are not taken, as at {self.at}")
        node = self._either()
        if not self._next(")"):
            raise PatternError("a ( has no )")
        return node

    def _escape(self) -> str:
        code = _CODE.match(self.pattern, self.at)
        if code is not None:
            self.at = code.end()
            return code[0]
        char = self.pattern[self.at + 1 : self.at + 2]
        if not char or (char.isalnum() and char not in _CLASSES + _CONTROLS):
            raise PatternError(f"\\{char} is not taken, at {self.at}")
        self.at += 2
        return f"\\{char}"

    def _class(self) -> Node:
        began = self.at
        self.at += 1
        text = "[^" if self._next("^") else "["
        first = True
        while first or self.pattern[self.at : self.at + 1] != "]":
            char = self.pattern[self.at : self.at + 1]
            if not char or (first and char == "]"):
                raise PatternError(f"the class at {began} has no end, or is empty")
            if char == "\\":
                text += self._escape()
            else:
                text += char if char == "-" else re.escape(char)
                self.at += 1
            first = False
        self.at += 1
        if "--" in text:
            raise PatternError(f"write - as \\- in the class at {began}")
        try:
            return Char(re.compile(f"{text}]"))
        except re.error as error:
            raise PatternError(f"the class at {began} is none: {error.msg}") from error

    def _next(self, sign: str) -> bool:
        if self.pattern.startswith(sign, self.at):
            self.at += 1
            return True
        return False
