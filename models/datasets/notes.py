"""Short notes and the fields to extract from them, written by a grammar.

    Note: a small red ship was near the river.
    Fields: colour: red; thing: ship

Held-out pairs of a colour and a thing never occur together in training, though each occurs with
others, so that memorising does not solve the test.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from models.data import instructions
from models.data.instructions import Instruction
from models.datasets import glosses

COLOURS = ("red", "blue", "green", "white", "black", "brown", "yellow")
THINGS = ("ship", "house", "tree", "plant", "fish", "bird", "horse", "box")
SIZES = ("small", "large", "round", "flat")
PLACES = ("river", "city", "wood", "town", "north", "south")
TEMPLATES = (
    "a {size} {colour} {thing} was near the {place}.",
    "near the {place} was a {size} {colour} {thing}.",
)
TRAINED, HELD_OUT = 2000, 200

_EVERY = 5
_SEED = 0


def prepare(into: Path) -> Path:
    """Write the channel and return its file. Equal bytes each time. Raises BadData, DiskFull."""
    chance = random.Random(_SEED)  # noqa: S311 - the same draws each time are wanted
    train = _drawn(chance, TRAINED, lambda colour, thing: not held_out(colour, thing))
    test = _drawn(chance, HELD_OUT, held_out)
    return instructions.write(into, glosses.tokenizer(), train, test)


def held_out(colour: str, thing: str) -> bool:
    """Return whether a pair of colour and thing is held out of training."""
    return (COLOURS.index(colour) + 2 * THINGS.index(thing)) % _EVERY == 0


def note(template: str, size: str, colour: str, thing: str, place: str) -> Instruction:
    """Return a note with its fields."""
    told = template.format(size=size, colour=colour, thing=thing, place=place)
    return Instruction(
        prompt=f"Note: {told}\nFields:", completion=f" colour: {colour}; thing: {thing}"
    )


def _drawn(
    chance: random.Random, count: int, wanted: Callable[[str, str], bool]
) -> list[Instruction]:
    pairs = [(colour, thing) for colour in COLOURS for thing in THINGS if wanted(colour, thing)]
    return [
        note(
            chance.choice(TEMPLATES),
            chance.choice(SIZES),
            *chance.choice(pairs),
            chance.choice(PLACES),
        )
        for _ in range(count)
    ]
