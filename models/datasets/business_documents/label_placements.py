"""Placements of labels, drawn at random with their parameters."""

from __future__ import annotations

import random
from collections.abc import Callable

from models.datasets.business_documents.label_cells import FactRows, FactTable, StackedLabels
from models.datasets.business_documents.label_lines import (
    IndentedValues,
    LabelPairs,
    LabelsBehind,
    LabelsBeside,
    Placement,
    RunningLabels,
)


def drawn_placement(rng: random.Random) -> Placement:
    """Draw a placement of labels, with its parameters."""
    kinds: tuple[tuple[float, Callable[[random.Random], Placement]], ...] = (
        (3.0, _drawn_beside),
        (2.0, _drawn_stacked),
        (1.3, _drawn_stacked_below),
        (1.2, _drawn_behind),
        (1.2, _drawn_rows),
        (1.2, _drawn_table),
        (1.0, lambda each: LabelPairs(gap=each.choice(("    ", " | ", "  /  ", " - ", "; ")))),
        (0.8, lambda each: IndentedValues(indent=each.choice((0.0, 8.0, 20.0, 60.0)))),
        (0.8, _drawn_running),
    )
    return rng.choices([make for _, make in kinds], [weight for weight, _ in kinds])[0](rng)


def _drawn_beside(rng: random.Random) -> Placement:
    return LabelsBeside(
        column=rng.choice((None, 0.3, 0.4, 0.5, 0.6)),
        label_side=rng.choice(("L", "L", "L", "R")),
        value_side=rng.choice(("L", "L", "R")),
        leader=rng.choice(("", "", "", " .", ".", "_", "- ")),
        ruled=rng.random() < 0.2,
    )


def _drawn_stacked(rng: random.Random) -> Placement:
    return StackedLabels(
        columns=rng.choice((1, 2, 2, 3, 3, 4)),
        boxed=rng.random() < 0.5,
        grey=rng.random() < 0.2,
        side=rng.choice(("L", "L", "L", "R")),
        skip=rng.choice((1.0, 3.0, 6.0)),
    )


def _drawn_stacked_below(rng: random.Random) -> Placement:
    return StackedLabels(
        columns=rng.choice((1, 2, 2, 3, 3, 4)),
        boxed=rng.random() < 0.3,
        below=True,
        ruled=rng.random() < 0.5,
        side=rng.choice(("L", "L", "L", "R")),
        skip=rng.choice((1.0, 3.0, 6.0)),
    )


def _drawn_behind(rng: random.Random) -> Placement:
    return LabelsBehind(
        column=rng.choice((None, None, 0.5, 0.6)),
        value_side=rng.choice(("L", "R")),
        opened=rng.choice(("", "", "(", "- ", "= ")),
    )


def _drawn_rows(rng: random.Random) -> Placement:
    return FactRows(
        most=rng.choice((3, 4, 5, 6)),
        lined=rng.random() < 0.5,
        grey=rng.random() < 0.3,
        below=rng.random() < 0.15,
    )


def _drawn_table(rng: random.Random) -> Placement:
    return FactTable(
        share=rng.choice((0.35, 0.45, 0.5, 0.6)),
        lined=rng.choice(("all", "rows", "none")),
        value_side=rng.choice(("L", "R")),
        turned=rng.random() < 0.15,
    )


def _drawn_running(rng: random.Random) -> Placement:
    return RunningLabels(
        between=rng.choice((", ", "; ", ". ", " - ")),
        after=rng.random() < 0.25,
    )
