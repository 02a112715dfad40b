"""Jinja's sandbox for prompt templates, and the budget of one rendering.

Jinja's own sandbox stands behind the list of what is allowed (`language.py`), to stop what the list
should ever let through, and a budget limits both. Steps and characters are counted, so that the
same template with the same values always ends the same way; the time limit is for what no count
foresees.
https://jinja.palletsprojects.com/en/stable/sandbox/
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, Protocol, cast

from jinja2 import StrictUndefined, Undefined, pass_context
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from chalicelib.contracts.prompts import MAX_INTEGER
from chalicelib.errors import InvalidInput
from chalicelib.prompts.filters import FILTERS, NUMBER_TESTS
from chalicelib.prompts.language import LOOP
from chalicelib.prompts.variables import Untrusted, fence_text

MAX_STEPS = 20_000
"""Rounds of loops, uses of filters, and arithmetic, all together."""
MAX_COPIED_CHARACTERS = 8 * 2**20
"""Characters that filters and slices make on the way."""
MAX_RENDERED_CHARACTERS = 500_000
"""Characters of the result: some 125,000 tokens of English, which few models read."""
MAX_SECONDS = 5.0


@dataclass(slots=True)
class RenderBudget:
    """The budget of one rendering; each use raises `InvalidInput` when it is exceeded."""

    steps: int = MAX_STEPS
    copied: int = MAX_COPIED_CHARACTERS
    written: int = MAX_RENDERED_CHARACTERS
    clock: Callable[[], float] = time.monotonic
    until: float = field(init=False)

    def __post_init__(self) -> None:
        """Start the clock."""
        self.until = self.clock() + MAX_SECONDS

    def step(self) -> None:
        """Use one step, and check the time."""
        self.steps -= 1
        if self.steps < 0:
            raise InvalidInput(
                f"a template takes at most {MAX_STEPS} steps; loop over less", limit=str(MAX_STEPS)
            )
        if self.clock() > self.until:
            raise InvalidInput(
                f"a template takes at most {MAX_SECONDS:g} s", limit=f"{MAX_SECONDS:g}"
            )

    def copy(self, characters: int) -> None:
        """Account for intermediate characters."""
        self.copied -= characters
        if self.copied < 0:
            raise InvalidInput(
                f"a template makes at most {MAX_COPIED_CHARACTERS} characters on the way",
                limit=str(MAX_COPIED_CHARACTERS),
            )

    def write(self, characters: int) -> None:
        """Account for characters of the result."""
        self.written -= characters
        if self.written < 0:
            raise InvalidInput(
                f"what is rendered has at most {MAX_RENDERED_CHARACTERS} characters",
                limit=str(MAX_RENDERED_CHARACTERS),
            )


COUNT_ROUNDS = "(each)"
SLICE = "(slice)"
"""Filters that a template cannot name. They wrap the list of every loop, so that its rounds are
counted, and replace slices, which Jinja compiles to Python's own.
"""


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox with our filters and `range`, for one rendering with `budget`.

    With `fenced_in`, untrusted text is written between lines that begin with `fence`; without
    it, text only loses what could be mistaken for a mark.
    """

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%"})

    def __init__(self, budget: RenderBudget, fence: str = "", *, fenced_in: bool = True) -> None:
        super().__init__(
            undefined=StrictUndefined,
            autoescape=False,
            optimized=False,
            cache_size=0,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_write_value,
        )
        self.budget = budget
        self.fence = fence
        self.fenced_in = fenced_in
        self.fences = 0
        self.globals = {"range": _range}
        self.tests = {name: _wrap_filter(made) for name, made in NUMBER_TESTS.items()}
        self.tests |= {"defined": _is_defined, "undefined": _is_undefined, "none": _is_none}
        self.filters = {name: _wrap_filter(made) for name, made in FILTERS.items()}
        self.filters |= {"default": _default, "d": _default}
        self.filters |= {COUNT_ROUNDS: _count_rounds, SLICE: _slice}

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Return the result of arithmetic, which takes numbers only."""
        self.budget.step()
        for operand in (left, right):
            _check_defined(operand)
            if isinstance(operand, bool) or not isinstance(operand, (int, float)):
                raise InvalidInput(
                    f"{operator} takes numbers; to join texts, put them side by side"
                )
        made = super().call_binop(context, operator, left, right)
        if (isinstance(made, int) and abs(made) > MAX_INTEGER) or not math.isfinite(made):
            raise InvalidInput(f"numbers go up to {MAX_INTEGER}", limit=str(MAX_INTEGER))
        return made

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return an item of a list or a character of a text."""
        return self.part(obj, argument)

    def part(self, obj: Any, place: Any) -> Any:
        """Return the part of a text or a list at an index or slice."""
        self.budget.step()
        _check_defined(obj)
        text = _plain(obj)
        if not isinstance(text, (str, list, tuple)):
            raise InvalidInput("[ ] takes items of a list or characters of a text")
        ends = (place.start, place.stop, place.step) if isinstance(place, slice) else (place,)
        for end in ends:
            _check_defined(end)
            if isinstance(end, bool) or not isinstance(end, (int, NoneType)):
                raise InvalidInput("[ ] takes whole numbers")
        try:
            made = text[place]
        except IndexError as error:
            raise InvalidInput(f"there is no item {place}; there are {len(text)}") from error
        self.budget.copy(_size(made))
        return Untrusted(obj.name, made) if isinstance(obj, Untrusted) else made

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return an attribute of `loop`; nothing else has attributes."""
        if isinstance(obj, LoopContext) and attribute in LOOP:
            return getattr(obj, attribute)
        raise InvalidInput(f"there is no attribute {attribute!r}")


class _FilterFunction(Protocol):
    def __call__(self, value: Any, copied: Callable[[int], None], *args: Any, **named: Any) -> Any:
        """Return the filter's result for the value."""


def _wrap_filter(function: _FilterFunction) -> Callable[..., Any]:
    """Return the filter as Jinja calls it: counted, and keeping untrusted text untrusted."""

    @pass_context
    @functools.wraps(function)
    def apply(context: Context, value: Any, *args: Any, **named: Any) -> Any:
        budget = cast("Sandbox", context.environment).budget
        budget.step()
        given = (value, *args, *named.values())
        for argument in given:
            _check_defined(argument)
        budget.copy(sum(map(_size, given)))
        plain = {key: _plain(argument) for key, argument in named.items()}
        result = function(_plain(value), budget.copy, *map(_plain, args), **plain)
        budget.copy(_size(result))
        source = next((argument for argument in given if isinstance(argument, Untrusted)), None)
        if source is None or not isinstance(result, str):
            return result
        return Untrusted(source.name, result)

    return apply


@pass_context
def _default(context: Context, value: Any, otherwise: Any) -> Any:
    """Return the value, or `otherwise` if it is undefined."""
    cast("Sandbox", context.environment).budget.step()
    return otherwise if isinstance(value, Undefined) else value


@pass_context
def _is_defined(context: Context, value: Any) -> bool:
    return not isinstance(value, Undefined)


@pass_context
def _is_undefined(context: Context, value: Any) -> bool:
    return isinstance(value, Undefined)


@pass_context
def _is_none(context: Context, value: Any) -> bool:
    return value is None


@dataclass(frozen=True, slots=True)
class _CountedList:
    """A list, each of whose rounds is a step."""

    items: Sequence[Any]
    budget: RenderBudget

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Any]:
        for item in self.items:
            self.budget.step()
            yield item


@pass_context
def _count_rounds(context: Context, value: Any) -> _CountedList:
    _check_defined(value)
    if not isinstance(value, (list, tuple, range)):
        raise InvalidInput("a loop goes over a list or a range")
    return _CountedList(value, cast("Sandbox", context.environment).budget)


@pass_context
def _slice(context: Context, value: Any, start: Any, stop: Any, step: Any) -> Any:
    return cast("Sandbox", context.environment).part(value, slice(start, stop, step))


def _range(*given: Any) -> range:
    for each in given:
        _check_defined(each)
        if isinstance(each, bool) or not isinstance(each, int):
            raise InvalidInput("range takes whole numbers")
    made = range(*given)
    if len(made) > MAX_STEPS:
        raise InvalidInput(f"a range has at most {MAX_STEPS} numbers", limit=str(MAX_STEPS))
    return made


@pass_context
def _write_value(context: Context, value: Any) -> str:
    """Return the text of a value, where a template says `{{ value }}`."""
    _check_defined(value)
    sandbox = cast("Sandbox", context.environment)
    if isinstance(value, Untrusted):
        sandbox.budget.copy(len(value.text))
        block = fence_text(value, sandbox.fence)
        sandbox.fences += sandbox.fenced_in
        return block if sandbox.fenced_in else block.partition("\n")[2].rpartition("\n")[0]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise InvalidInput("a list is written by a filter, such as join, or by a loop")


def _check_defined(value: Any) -> None:
    if isinstance(value, Undefined):
        raise InvalidInput(f"{value._undefined_name or 'a value'} is not given")


def _plain(value: Any) -> Any:
    return value.text if isinstance(value, Untrusted) else value


def _size(value: Any) -> int:
    """Return how many characters a value has, as far as copying it goes."""
    if isinstance(value, (str, Untrusted)):
        return len(_plain(value))
    return sum(map(_size, value)) if isinstance(value, (list, tuple)) else 1
