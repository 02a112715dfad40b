"""What a task of `run_model` is given in tests: models of their own, and effects that are fixed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TypeVar

from chalicelib.contracts.objects import ObjectStore
from chalicelib.inference.hot_swap import OpenModels
from functions.run_model.deps import Deps
from tests.unit.ingest.fakes import FakeObjects

M = TypeVar("M")


def task_deps(
    models: OpenModels[M],
    *,
    step: float = 0.5,
    seed: int = 11,
    objects: ObjectStore | None = None,
    memory_gb: float = 2.0,
) -> Deps[M]:
    """Return deps whose clock advances by `step` seconds each time, and whose seed is `seed`."""
    return Deps(models, _clock(step), lambda: seed, objects or FakeObjects(), memory_gb)


def _clock(step: float) -> Callable[[], float]:
    times: Iterator[float] = itertools.count(1.0, step)
    return lambda: next(times)
