"""Jinja's sandbox as templates of prompts run in it.

Jinja's own sandbox stands below the list of what is allowed (`language.py`), so that what the list
should ever let through meets it, and a budget stands beside both.
https://jinja.palletsprojects.com/en/stable/sandbox/
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any, Protocol, cast

from jinja2 import StrictUndefined, Undefined, pass_context
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from chalicelib.contracts.prompts import MAX_INTEGER
from chalicelib.errors import InvalidInput
from chalicelib.prompting.budget import MAX_STEPS, Budget
from chalicelib.prompting.fencing import Untrusted, fenced
from chalicelib.prompting.filters import FILTERS, NUMBER_TESTS
from chalicelib.prompting.language import LOOP

EACH = "(each)"
SLICE = "(slice)"
"""Filters that a template cannot name: they stand behind the list of every loop, so that its rounds
are counted, and in place of slices, which Jinja compiles to Python's own.
"""


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox with our filters and `range`, for one rendering with `budget`.

    With `fenced_in` what is untrusted is written between lines that begin with `fence`; without
    it only loses what could be mistaken for a mark.
    """

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%"})

    def __init__(self, budget: Budget, fence: str = "", *, fenced_in: bool = True) -> None:
        super().__init__(
            undefined=StrictUndefined,
            autoescape=False,
            optimized=False,
            cache_size=0,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_written,
        )
        self.budget = budget
        self.fence = fence
        self.fenced_in = fenced_in
        self.fences = 0
        self.globals = {"range": _range}
        self.tests = {name: _filter(made) for name, made in NUMBER_TESTS.items()}
        self.tests |= {"defined": _is_defined, "undefined": _is_undefined, "none": _is_none}
        self.filters = {name: _filter(made) for name, made in FILTERS.items()}
        self.filters |= {"default": _default, "d": _default}
        self.filters |= {EACH: _each, SLICE: _slice}

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Return the result of arithmetic, which is for numbers."""
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
        """Return what stands at a place or between two, of a text or a list and of nothing else."""
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
        """Return what a loop says of itself; nothing else has attributes."""
        if isinstance(obj, LoopContext) and attribute in LOOP:
            return getattr(obj, attribute)
        raise InvalidInput(f"there is no attribute {attribute!r}")


class _Makes(Protocol):
    def __call__(self, value: Any, copied: Callable[[int], None], *args: Any, **named: Any) -> Any:
        """Return what the filter makes of the value."""


def _filter(made: _Makes) -> Callable[..., Any]:
    """Return the filter as Jinja calls it: it is counted, and what is untrusted stays so."""

    @pass_context
    @functools.wraps(made)
    def apply(context: Context, value: Any, *args: Any, **named: Any) -> Any:
        budget = cast("Sandbox", context.environment).budget
        budget.step()
        given = (value, *args, *named.values())
        for each in given:
            _check_defined(each)
        budget.copy(sum(map(_size, given)))
        plain = {key: _plain(each) for key, each in named.items()}
        result = made(_plain(value), budget.copy, *map(_plain, args), **plain)
        budget.copy(_size(result))
        source = next((each for each in given if isinstance(each, Untrusted)), None)
        if source is None or not isinstance(result, str):
            return result
        return Untrusted(source.name, result)

    return apply


@pass_context
def _default(context: Context, value: Any, otherwise: Any) -> Any:
    """Return the value, or what stands for it where it is undefined."""
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
class _Counted:
    """A list, each of whose rounds is a step."""

    items: Sequence[Any]
    budget: Budget

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Any]:
        for item in self.items:
            self.budget.step()
            yield item


@pass_context
def _each(context: Context, value: Any) -> _Counted:
    _check_defined(value)
    if not isinstance(value, (list, tuple, range)):
        raise InvalidInput("a loop goes over a list or a range")
    return _Counted(value, cast("Sandbox", context.environment).budget)


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
def _written(context: Context, value: Any) -> str:
    """Return how a value is written where a template says `{{ value }}`."""
    _check_defined(value)
    sandbox = cast("Sandbox", context.environment)
    if isinstance(value, Untrusted):
        sandbox.budget.copy(len(value.text))
        block = fenced(value, sandbox.fence)
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
