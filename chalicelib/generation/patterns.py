"""Regular expressions of JSON Schemas, matched in time linear in the text.

Python's own engine backtracks, and some patterns of callers would take exponential time. Here a
nondeterministic automaton follows all ways through a pattern at once (Thompson, 1968; Cox, "Regular
Expression Matching Can Be Simple And Fast", https://swtch.com/~rsc/regexp/regexp1.html). It
supports what JSON Schema recommends to keep to: characters, classes, groups, alternatives,
quantifiers, `^` and `$`. Single characters and classes are matched by Python's engine, one
character at a time.
https://json-schema.org/draft/2020-12/json-schema-core#section-6.4
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_MAX_DEPTH = 40
_CLASSES = "dDwWsS"
_CONTROLS = "tnrfv"
_COUNT = re.compile(r"\{(\d{1,4})(?:(,)(\d{1,4})?)?\}")
_CODE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4})")
_GROUP = re.compile(r"\?(?::|<[A-Za-z_]\w*>)")


class PatternError(ValueError):
    """Raised when a pattern is invalid or uses a construct that we do not support."""


@dataclass(frozen=True, slots=True)
class CharacterTest:
    """One character that matches `test`."""

    test: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Anchor:
    """The start of the text, or its end."""

    at_end: bool


@dataclass(frozen=True, slots=True)
class Concatenation:
    """All items, one after another."""

    items: tuple[PatternNode, ...]


@dataclass(frozen=True, slots=True)
class Alternation:
    """Any one of the items."""

    items: tuple[PatternNode, ...]


@dataclass(frozen=True, slots=True)
class Repetition:
    """An item repeated `min_count` to `max_count` times, without a limit where that is None."""

    item: PatternNode
    min_count: int
    max_count: int | None


PatternNode = CharacterTest | Anchor | Concatenation | Alternation | Repetition


@dataclass(slots=True)
class PatternParser:
    """A recursive-descent parser of one pattern."""

    pattern: str
    at: int = 0
    depth: int = 0

    def parse(self) -> PatternNode:
        """Return the tree of the whole pattern. Raises `PatternError`."""
        node = self._alternatives()
        if self.at < len(self.pattern):
            raise PatternError(f"there is a ) too many at {self.at}")
        return node

    def _alternatives(self) -> PatternNode:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise PatternError("its groups are nested too deeply")
        items = [self._concatenation()]
        while self._next("|"):
            items.append(self._concatenation())
        self.depth -= 1
        return items[0] if len(items) == 1 else Alternation(tuple(items))

    def _concatenation(self) -> PatternNode:
        items: list[PatternNode] = []
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            items.append(self._quantified(self._atom()))
        return Concatenation(tuple(items))

    def _quantified(self, item: PatternNode) -> PatternNode:
        bounds = self._bounds()
        if bounds is None:
            return item
        min_count, max_count = bounds
        if isinstance(item, Anchor) or (max_count is not None and max_count < min_count):
            raise PatternError(f"what is repeated before {self.at} cannot be")
        self._next("?")
        if self._bounds() is not None:
            raise PatternError(f"it repeats a repetition at {self.at}")
        return Repetition(item, min_count, max_count)

    def _bounds(self) -> tuple[int, int | None] | None:
        for sign, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._next(sign):
                return bounds
        found = _COUNT.match(self.pattern, self.at)
        if found is None:
            return None
        self.at = found.end()
        min_count = int(found[1])
        max_count = int(found[3]) if found[3] else None if found[2] else min_count
        return min_count, max_count

    def _atom(self) -> PatternNode:
        char = self.pattern[self.at]
        if char in "*+?" or (char == "{" and _COUNT.match(self.pattern, self.at)):
            raise PatternError(f"there is nothing to repeat at {self.at}")
        if char == "\\":
            return CharacterTest(re.compile(self._escape()))
        if char == "[":
            return self._class()
        self.at += 1
        if char == "(":
            return self._group()
        if char in "^$":
            return Anchor(at_end=char == "$")
        return CharacterTest(re.compile(char if char == "." else re.escape(char)))

    def _group(self) -> PatternNode:
        found = _GROUP.match(self.pattern, self.at)
        if found is not None:
            self.at = found.end()
        elif self._next("?"):
            raise PatternError(f"groups that look ahead or behind are not taken, as at {self.at}")
        node = self._alternatives()
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

    def _class(self) -> PatternNode:
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
            return CharacterTest(re.compile(f"{text}]"))
        except re.error as error:
            raise PatternError(f"the class at {began} is none: {error.msg}") from error

    def _next(self, sign: str) -> bool:
        if self.pattern.startswith(sign, self.at):
            self.at += 1
            return True
        return False


MAX_STATES = 500
MAX_WORK = 3_000_000
"""The most characters and states that one search visits."""
_MAX_CACHED = 200_000


class TooComplexError(ValueError):
    """Raised when a text is too long to be matched against a pattern."""


@functools.lru_cache(maxsize=128)
def compile_pattern(pattern: str) -> CompiledPattern:
    """Return the automaton of `pattern`. Raises `PatternError`."""
    compiled = CompiledPattern()
    compiled.start = compiled.build(PatternParser(pattern).parse(), compiled.add())
    return compiled


@dataclass(slots=True)
class CompiledPattern:
    """A nondeterministic automaton: states, and transitions by a character, free, or at an anchor.

    State 0 accepts: a search that reaches it has found the pattern.
    """

    start: int = 0
    tests: list[re.Pattern[str] | None] = field(default_factory=list)
    edges: list[bool | None] = field(default_factory=list)
    ways: list[tuple[int, ...]] = field(default_factory=list)

    def search(self, text: str) -> bool:
        """Return whether the pattern occurs anywhere in `text`. Raises `TooComplexError`."""
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
                if kept > _MAX_CACHED:
                    moves, kept = {}, 0
                moves[now, char] = after
            work += 1
            if work > MAX_WORK:
                raise TooComplexError("the text is too long for the pattern")
            now = after
        return 0 in now or 0 in self._closure(now, not text, True)

    def add(self, test: re.Pattern[str] | None = None, edge: bool | None = None) -> int:
        """Return a new state without transitions. Raises `PatternError` for too many."""
        if len(self.ways) >= MAX_STATES:
            raise PatternError(f"it takes more than {MAX_STATES} states; repeat less in it")
        self.tests.append(test)
        self.edges.append(edge)
        self.ways.append(())
        return len(self.ways) - 1

    def build(self, node: PatternNode, after: int) -> int:
        """Return the state from which `node` leads to the state `after`."""
        match node:
            case CharacterTest(test):
                return self._to(self.add(test), after)
            case Anchor(at_end):
                return self._to(self.add(edge=at_end), after)
            case Concatenation(items):
                for item in reversed(items):
                    after = self.build(item, after)
                return after
            case Alternation(items):
                return self._to(self.add(), *(self.build(item, after) for item in items))
            case Repetition(item, min_count, max_count):
                return self._repeat(item, min_count, max_count, after)

    def _repeat(self, item: PatternNode, min_count: int, max_count: int | None, after: int) -> int:
        """Return the state from which `item` repeats and then leads to the state `after`."""
        at = after
        if max_count is None:
            at = self.add()
            self._to(at, self.build(item, at), after)
        for _ in range((max_count or min_count) - min_count):
            at = self._to(self.add(), self.build(item, at), after)
        for _ in range(min_count):
            at = self.build(item, at)
        return at

    def _to(self, state: int, *ways: int) -> int:
        self.ways[state] = ways
        return state

    def _takes(self, state: int, char: str) -> bool:
        test = self.tests[state]
        return test is not None and test.fullmatch(char) is not None

    def _closure(self, states: Iterable[int], at_start: bool, at_end: bool) -> frozenset[int]:
        """Return `states` and those reachable from them without a character, at this place."""
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
