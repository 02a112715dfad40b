"""Regular expressions of JSON Schemas, matched in time that grows with the text and never faster.

Python's own engine goes back and tries again, and for some patterns takes longer than the universe
is old. Here all ways through a pattern are followed at once (Thompson, 1968; Cox, "Regular
Expression Matching Can Be Simple And Fast", https://swtch.com/~rsc/regexp/regexp1.html). Taken is
what JSON Schema recommends to keep to: characters, classes, groups, alternatives, quantifiers, `^`
and `$`. Single characters and classes are left to Python's engine, one character at a time.
https://json-schema.org/draft/2020-12/json-schema-core#section-6.4
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from chalicelib.generation.pattern_reading import (
    Char,
    Edge,
    Either,
    Node,
    PatternError,
    Reader,
    Repeat,
    Row,
)

MAX_STATES = 500
MAX_WORK = 3_000_000
"""Characters and states that one search looks at."""
_MOST_KEPT = 200_000


class TooComplexError(ValueError):
    """Raised where a text is too long to be held to a pattern."""


@functools.lru_cache(maxsize=128)
def compile_pattern(pattern: str) -> Pattern:
    """Return `pattern` to search with. Raises `PatternError`."""
    made = Pattern()
    made.start = made.build(Reader(pattern).whole(), made.add())
    return made


@dataclass(slots=True)
class Pattern:
    """States and the ways between them: by a character, free, or at an edge of the text only.

    State 0 is the end: who comes there has found the pattern.
    """

    start: int = 0
    tests: list[re.Pattern[str] | None] = field(default_factory=list)
    edges: list[bool | None] = field(default_factory=list)
    ways: list[tuple[int, ...]] = field(default_factory=list)

    def search(self, text: str) -> bool:
        """Tell whether the pattern is found anywhere in `text`. Raises `TooComplexError`."""
        again = self._closure((self.start,), False, False)
        now = self._closure((self.start,), True, False)
        moves: dict[tuple[frozenset[int], str], frozenset[int]] = {}
        work = kept = 0
        for char in text:
            if 0 in now:
                return True
            after = moves.get((now, char))
            if after is None:
                hit = [way for at in now if self._takes(at, char) for way in self.ways[at]]
                after = self._closure(hit, False, False) | again
                work, kept = work + len(now), kept + len(after)
                if kept > _MOST_KEPT:
                    moves, kept = {}, 0
                moves[now, char] = after
            work += 1
            if work > MAX_WORK:
                raise TooComplexError("the text is too long for the pattern")
            now = after
        return 0 in now or 0 in self._closure(now, not text, True)

    def add(self, test: re.Pattern[str] | None = None, edge: bool | None = None) -> int:
        """Return a new state without ways. Raises `PatternError` for too many."""
        if len(self.ways) >= MAX_STATES:
            raise PatternError(f"it takes more than {MAX_STATES} states; repeat less in it")
        self.tests.append(test)
        self.edges.append(edge)
        self.ways.append(())
        return len(self.ways) - 1

    def build(self, node: Node, after: int) -> int:
        """Return the state from which `node` leads to the state `after`."""
        match node:
            case Char(test):
                return self._to(self.add(test), after)
            case Edge(at_end):
                return self._to(self.add(edge=at_end), after)
            case Row(items):
                for item in reversed(items):
                    after = self.build(item, after)
                return after
            case Either(items):
                return self._to(self.add(), *(self.build(item, after) for item in items))
            case Repeat(item, least, most):
                return self._repeated(item, least, most, after)

    def _repeated(self, item: Node, least: int, most: int | None, after: int) -> int:
        at = after
        if most is None:
            at = self.add()
            self._to(at, self.build(item, at), after)
        for _ in range((most or least) - least):
            at = self._to(self.add(), self.build(item, at), after)
        for _ in range(least):
            at = self.build(item, at)
        return at

    def _to(self, state: int, *ways: int) -> int:
        self.ways[state] = ways
        return state

    def _takes(self, state: int, char: str) -> bool:
        test = self.tests[state]
        return test is not None and test.fullmatch(char) is not None

    def _closure(self, states: Iterable[int], at_start: bool, at_end: bool) -> frozenset[int]:
        """Return `states` and those that they lead to for nothing, at this place of the text."""
        found: set[int] = set()
        waiting = list(states)
        while waiting:
            state = waiting.pop()
            if state in found:
                continue
            found.add(state)
            edge = self.edges[state]
            open_way = edge is None or (at_end if edge else at_start)
            if self.tests[state] is None and open_way:
                waiting += self.ways[state]
        return frozenset(found)
