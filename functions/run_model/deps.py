"""The collaborators that every task of this package is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from chalicelib.contracts.objects import ObjectStore
    from chalicelib.inference.hot_swap import OpenModels

M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Deps(Generic[M]):
    """Open models, and the effects that tests replace.

    Args:
        models: the models that the stage serves, by name.
        monotonic: a clock in seconds.
        new_seed: returns a random seed, for a request that has none.
        objects: where documents lie, for `embed_image`.
        memory_gb: the function's memory, by which `embed_image` states what a document cost.
    """

    models: OpenModels[M]
    monotonic: Callable[[], float]
    new_seed: Callable[[], int]
    objects: ObjectStore
    memory_gb: float

    def seconds_since(self, began: float) -> float:
        """Return how many seconds have passed since `began`, 0 at least."""
        return max(0.0, self.monotonic() - began)
