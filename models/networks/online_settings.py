"""Settings of learning from a policy's own completions, which recipes' parameters extend."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from models.training.settings import RecipeSettings

OnlineMethod = Literal["ppo", "rloo", "grpo"]
GROUPED_METHODS = ("rloo", "grpo")
"""The methods that hold completions of one prompt against each other."""

_LEAST_GROUP = 2


class OnlineSettings(RecipeSettings):
    """Settings of PPO, RLOO and GRPO alike."""

    beta: Annotated[float, Field(gt=0, le=100)]
    """Weight of the divergence from the policy that one began with."""
    samples: Annotated[int, Field(ge=1, le=256)] = 8
    """Completions of a prompt that are held against each other; `batch` is a multiple of it."""
    passes: Annotated[int, Field(ge=1, le=32)] = 3
    """Optimiser steps on what was written in a step."""
    clip: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """How far from 1 the ratio of probabilities may go and still gain."""

    def require_groups(self, method: str) -> None:
        """Raise ValueError if `batch` is not of whole groups, as `method` needs them."""
        least = _LEAST_GROUP if method in GROUPED_METHODS else 1
        if self.samples < least or self.batch % self.samples:
            needs = "two samples at least, and " if least > 1 else ""
            raise ValueError(
                f"batch is {self.batch} and samples is {self.samples}: {method} needs {needs}a "
                "batch that is a multiple of them"
            )


class PpoSettings(OnlineSettings):
    """Settings that `ppo` alone has: of its value head, and of the weight of the divergence."""

    smoothing: Annotated[float, Field(ge=0, le=1)] = 0.95
    """The lambda of generalised advantages."""
    value_weight: Annotated[float, Field(ge=0, le=100)] = 0.5
    """Weight of the value head's squared error."""
    value_clip: Annotated[float, Field(gt=0)] | None = None
    """How far a value may go in the passes of a step and still gain; None for any way."""
    kl_target: Annotated[float, Field(gt=0, le=1000)] | None = None
    """The divergence of whole completions, in nats, towards which `beta` is adapted after each
    step; None leaves `beta` as it is."""

    def require_method(self, method: str) -> None:
        """Raise ValueError for a setting that `method` does not heed."""
        if self.kl_target is not None and method != "ppo":
            raise ValueError(f"kl_target: {method} leaves beta as it is; leave it out, or take ppo")
