"""Check how deep an HTML page nests, by its tags, before a parser builds its tree.

At nearly every tag the rules of HTML search the open elements, so that parsing takes the product of
a page's length and its depth. This module reads the tags once. If it cannot decide what a parser
would do, an element counts as open: the depth may be overestimated.

https://html.spec.whatwg.org/multipage/parsing.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum, auto

from chalicelib.errors import InvalidInput

MAX_DEPTH = 512
"""The depth to which browsers that are built on Blink nest a page."""

_SPACE = r"[ \t\n\f\r]"
_TOKEN = re.compile(
    rf"""
    <!--(?:-?>|.*?(?:--!?>|\Z))
    | <(?P<end>/?)(?P<name>[a-z][^ \t\n\f\r/>]*+)
      (?: [ \t\n\f\r/]++
        | [^ \t\n\f\r/>][^ \t\n\f\r/>=]*+
          (?: {_SPACE}*+={_SPACE}*+
              (?: "[^"]*+(?:"|\Z) | '[^']*+(?:'|\Z) | (?P<bare>[^ \t\n\f\r>]*+) ) )?+
      )*+ (?:>|\Z)
    | (?P<cdata><!\[CDATA\[)
    | <[!?/][^>]*+>?
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE | re.ASCII,
)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NO_DEPTH = _names(
    "area base br col embed hr img input link meta source track wbr param html head body p li dt dd"
    " option optgroup thead tbody tfoot tr td th colgroup a"
)
"""Elements without content, or that the next of their kind closes: they add no depth."""
_REOPENED = _names("a b big code em font i nobr s small strike strong tt u")
"""Formatting elements that an outer end tag closes, and the next text opens again."""
_CLOSED_WITH = _names("span rt rp")
"""Elements that an outer end tag closes for good."""
_NEVER_FOREIGN = _names(
    "b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 head hr i img li"
    " listing menu meta nobr ol p pre ruby s small span strong strike sub sup table tt u ul"
    " var"
)
_EITHER = _names("font foreignobject desc title annotation-xml mi mo mn ms mtext")
"""Elements of SVG and MathML that are HTML by their attributes or contain HTML."""
_RAW = _names("script style textarea title xmp iframe noembed noframes")
_MISNESTED = 8
"""Formatting elements that one end tag closes with its own."""


class _ParsingRules(Enum):
    """The rules by which the content of an element is parsed."""

    HTML = auto()
    FOREIGN = auto()
    EITHER = auto()


@dataclass(slots=True)
class _OpenElements:
    """The elements that are open: their names, and the rules for the content of each."""

    names: list[str] = field(default_factory=list)
    rules: list[_ParsingRules] = field(default_factory=list)

    @property
    def current(self) -> _ParsingRules:
        return self.rules[-1] if self.rules else _ParsingRules.HTML

    def push(self, name: str, rules: _ParsingRules) -> None:
        self.names.append(name)
        self.rules.append(rules)
        if len(self.names) > MAX_DEPTH:
            raise InvalidInput(
                f"The page nests its elements more than {MAX_DEPTH} deep.",
                field="file",
                limit=str(MAX_DEPTH),
            )

    def start(self, name: str, closes_itself: bool) -> None:
        before = self.current
        if before is _ParsingRules.FOREIGN and (name in _NEVER_FOREIGN or name in _EITHER):
            self._doubt()
        if name in _NO_DEPTH and (
            before is _ParsingRules.HTML
            or name in _NEVER_FOREIGN
            or (self.names[-1] == "select" and name in ("option", "optgroup"))
        ):
            return
        if closes_itself and self.current is _ParsingRules.FOREIGN:
            return
        self.push(name, self._within(name))

    def end(self, name: str) -> None:
        """Close the newest element of this name, if it ends the innermost or misnests a few."""
        if self.current is _ParsingRules.FOREIGN and self.names[-1] != name:
            self._doubt()
        still_open: list[str] = []
        reach = _MISNESTED if self.current is _ParsingRules.HTML else 1
        for back in range(1, min(reach, len(self.names)) + 1):
            inner = self.names[-back]
            if inner == name:
                rules = self.rules[-back]
                del self.names[-back:], self.rules[-back:]
                self.names += reversed(still_open)
                self.rules += [rules] * len(still_open)
                return
            if inner in _REOPENED:
                still_open.append(inner)
            elif inner not in _CLOSED_WITH:
                return

    def _within(self, name: str) -> _ParsingRules:
        if self.current is _ParsingRules.HTML and name == "select":
            return _ParsingRules.EITHER
        if self.current is not _ParsingRules.EITHER and name in ("svg", "math"):
            return _ParsingRules.FOREIGN
        return self.current

    def _doubt(self) -> None:
        """Mark open SVG or MathML elements as ones that may be HTML."""
        at = len(self.rules) - 1
        while at >= 0 and self.rules[at] is _ParsingRules.FOREIGN:
            self.rules[at] = _ParsingRules.EITHER
            at -= 1


def check_nesting(text: str) -> None:
    """Raise `InvalidInput` if a page may nest deeper than `MAX_DEPTH`, in one pass over it."""
    opened = _OpenElements()
    at = 0
    while (token := _TOKEN.search(text, at)) is not None:
        at = token.end()
        name = (token["name"] or "").lower()
        if token["cdata"]:
            at = _after_cdata(text, at, opened)
        elif not name and opened.names and opened.names[-1] in _RAW:
            opened.push("", _ParsingRules.EITHER)
            at = token.start() + 2
        elif token["end"]:
            opened.end(name)
        elif name == "plaintext" and opened.current is _ParsingRules.HTML:
            return
        elif name in _RAW and opened.current is _ParsingRules.HTML:
            at = _after_raw(text, at, name, opened)
        elif name:
            opened.start(name, text.endswith("/>", 0, at) and token.end("bare") != at - 1)


def _after_cdata(text: str, at: int, opened: _OpenElements) -> int:
    """Return where a character section ends; in HTML it is a comment, which ends earlier."""
    if opened.current is _ParsingRules.EITHER:
        opened.push("", _ParsingRules.EITHER)
    ending = "]]>" if opened.current is _ParsingRules.FOREIGN else ">"
    end = text.find(ending, at)
    return len(text) if end < 0 else end + len(ending)


def _after_raw(text: str, at: int, name: str, opened: _OpenElements) -> int:
    """Return where text without markup ends.

    A script that writes a script in a comment may end later: elements that it may hide are not
    closed.
    """
    ending = re.compile(rf"</{name}(?=[ \t\n\f\r/>])", re.IGNORECASE | re.ASCII).search(text, at)
    end = ending.start() if ending else len(text)
    if name == "script" and "<!--" in text[at:end]:
        opened.push("", _ParsingRules.HTML)
    return end
