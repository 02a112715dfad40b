"""The gates of a training: its recipe's own, and those that its user asked for."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from models.failures import BadRecipe
from models.training.gates import Bounds, Gate, stricter_gate
from models.training.recipe import Recipe


def gates_of(
    recipe: Recipe, asked: Mapping[str, Bounds] | None = None, *, own_data: bool = False
) -> Mapping[str, Gate]:
    """Return the gates of a training: the recipe's for its data, and those that its user asked for.

    A gate that was asked for comes beside the recipe's own and can't loosen it. A recipe without
    gates for own data keeps those that it has: none would let any model pass.
    """
    found = dict((own_data and recipe.own_gates) or recipe.gates)
    for name, gate in (asked or {}).items():
        found[name] = stricter_gate(found.get(name, gate), gate)
    return found


_ENDS = ("_low", "_high")


def require_known_numbers(recipe: Recipe, asked: Iterable[str]) -> None:
    """Raise BadRecipe if a gate is asked for on what the recipe does not measure.

    An end of an interval is measured only where the number has one.
    """
    gates = {*recipe.gates, *recipe.own_gates}
    numbers = {*recipe.numbers, *recipe.served_numbers, *recipe.intervals, *gates}
    ends = {f"{name}{end}" for name in recipe.intervals for end in _ENDS}
    for name in asked:
        bare = next((name.removesuffix(end) for end in _ENDS if name.endswith(end)), "")
        # Of `f1_*`, `f1_low` is the number of a class that is called so.
        is_end = name not in numbers and _is_among(bare, numbers)
        if _is_among(bare, recipe.intervals) if is_end else _is_among(name, numbers):
            continue
        close = difflib.get_close_matches(name, sorted(numbers | ends), n=3)
        meant = f" Did you mean {' or '.join(close)}?" if close else ""
        why = f": {bare} has no interval" if is_end else ""
        raise BadRecipe(
            f"gate: {recipe.name} measures no {name}{why}.{meant} Its numbers are "
            f"{', '.join(sorted(numbers))}. Those with intervals, whose ends are NAME_low and "
            f"NAME_high, are {', '.join(recipe.intervals) or 'none'}."
        )


def _is_among(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, each) for each in patterns)
