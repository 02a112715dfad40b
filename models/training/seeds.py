"""Random streams that depend on the seed and the step alone.

Every step begins its own streams. A training that resumes from a checkpoint therefore draws the
same numbers as without the break, and checkpoints hold no state of generators.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache

import numpy as np
import torch

_WORDS = 2


def derive_seed(seed: int, *place: int) -> int:
    """Derive a 64-bit seed for a place, such as a step and a process.

    NumPy's SeedSequence keeps streams of neighbouring places apart.
    """
    words = np.random.SeedSequence([seed, *place]).generate_state(_WORDS, np.uint32)
    return int(words[0]) << 32 | int(words[1])


def seed_all(seed: int, *place: int) -> None:
    """Seed Python, NumPy and torch, accelerators included."""
    found = derive_seed(seed, *place)
    random.seed(found)
    np.random.seed(found % 2**32)
    for each in _torch_seeders():
        each(found)


@cache
def _torch_seeders() -> tuple[Callable[[int], object], ...]:
    """Return the functions that seed torch here.

    `torch.manual_seed` looks for every kind of accelerator, which takes a tenth of a millisecond
    without any, and does not seed XLA.
    """
    if torch.accelerator.is_available():
        return (torch.manual_seed,)
    try:
        import torch_xla
    except ImportError:
        return (torch.default_generator.manual_seed,)
    return (torch.default_generator.manual_seed, torch_xla.manual_seed)


def generator(seed: int, *place: int) -> torch.Generator:
    """Return a generator on the CPU: the same numbers whatever the device."""
    found = torch.Generator()
    found.manual_seed(derive_seed(seed, *place))
    return found
