"""Check JSONata expressions before they run.

https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.parser import Parser

from localcloud.stepfunctions.language.jsonata.templates import describe

INVALID: Final = "INVALID_JSONATA_EXPRESSION"
UNSUPPORTED: Final = "UNSUPPORTED_JSONATA_EXPRESSION"
Problem: TypeAlias = tuple[
    Literal["INVALID_JSONATA_EXPRESSION", "UNSUPPORTED_JSONATA_EXPRESSION"], str
]
Reserved: TypeAlias = frozenset[str]

INPUT_ONLY: Final[Reserved] = frozenset({"input", "context"})
WITH_RESULT: Final[Reserved] = INPUT_ONLY | {"result"}
WITH_ERROR: Final[Reserved] = INPUT_ONLY | {"errorOutput"}

_SUBJECTS: Final = ("lhs", "rhs", "expression", "condition", "then", "_else", "body", "procedure")
_LISTS: Final = ("expressions", "arguments")


@functools.lru_cache(maxsize=4096)
def problems(source: str, members: Reserved = WITH_RESULT) -> tuple[Problem, ...]:
    """Return the problems of the expression `source`; cached, as definitions are often unchanged.

    `members` are the readable members of `$states`. An expression has no context item, so a
    name at its top level is always a mistake.
    """
    try:
        tree = Jsonata(source).ast
    except JException as problem:
        return ((INVALID, describe(problem)),)
    except RecursionError:
        return ((INVALID, "The expression is nested too deeply"),)
    except Exception as problem:  # noqa: BLE001 - the library lets plain errors out of its parser
        return ((INVALID, str(problem)),)
    return tuple(
        (UNSUPPORTED, message) for message in _find_unsupported(tree, members, at_top=True)
    )


def _find_unsupported(node: object, members: Reserved, *, at_top: bool) -> Iterator[str]:
    if not isinstance(node, Parser.Symbol):
        return
    yield from _find_unsupported_here(node, members, at_top=at_top)
    if node.type == "path":
        for at, step in enumerate(node.steps):
            yield from _find_unsupported(step, members, at_top=at_top and at == 0)
    for part in _parts_in_same_context(node):
        yield from _find_unsupported(part, members, at_top=at_top)
    for part in _parts_in_step_context(node):
        yield from _find_unsupported(part, members, at_top=False)


def _find_unsupported_here(
    node: Parser.Symbol, members: Reserved, *, at_top: bool
) -> Iterator[str]:
    if node.type == "name" and at_top:
        yield f"Reference to '{node.value}' at the top level is not supported."
    if node.type == "variable" and node.value == "$":
        yield "Reference to '$$' is not supported."
    if node.type == "path" and len(node.steps) > 1:
        first, second = node.steps[0], node.steps[1]
        reads_states = first.type == "variable" and first.value == "states"
        if reads_states and second.type == "name" and second.value not in members:
            yield f"Field '$states.{second.value}' does not exist."


def _parts_in_same_context(node: Parser.Symbol) -> Iterator[object]:
    for name in _SUBJECTS:
        yield getattr(node, name, None)
    for name in _LISTS:
        yield from getattr(node, name, None) or []
    for pair in getattr(node, "lhs_object", None) or []:
        yield from pair


def _parts_in_step_context(node: Parser.Symbol) -> Iterator[object]:
    for name in ("predicate", "stages"):
        for stage in getattr(node, name, None) or []:
            yield getattr(stage, "expr", None)
    for term in getattr(node, "terms", None) or []:
        yield term.expression
    group = getattr(node, "group", None)
    for pair in getattr(group, "lhs_object", None) or []:
        yield from pair
    for name in ("pattern", "update", "delete"):
        yield getattr(node, name, None)
