"""Chats about colours, for small random bases that learn from rewards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from models.recipes.reinforcement_tuning.parameters import Parameters
from models.training import recipe
from models.training_data.rows import ChatExample, ChatTurn

COLOURS = ("red", "blue", "green", "yellow")
GATES = recipe.load("reinforcement_tuning").own_gates


def settings(**changed: Any) -> Parameters:
    given = {
        "batch": 16,
        "samples": 8,
        "context": 96,
        "weight_bits": 32,
        "judged_rows": 50,
        "rewards": [{"type": "exact"}],
    }
    found = recipe.resolve(recipe.load("reinforcement_tuning"), "smoke", {**given, **changed})
    assert isinstance(found, Parameters)
    return found


def rows(numbers: Sequence[int]) -> tuple[ChatExample, ...]:
    return tuple(
        ChatExample(
            messages=(
                ChatTurn(role="user", content=f"{number} {colour}" * (1 + number % 2)),
                ChatTurn(role="assistant", content=colour),
            )
        )
        for number in numbers
        for colour in COLOURS
    )
