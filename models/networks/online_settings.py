"""Settings of learning from a policy's own completions, which recipes' parameters extend."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from models.training.settings import RecipeSettings

OnlineMethod = Literal["ppo", "rloo", "grpo"]
GROUPED_METHODS = ("rloo", "grpo")
"""The methods that hold completions of one prompt against each other."""


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


class ValueSettings(OnlineSettings):
    """Settings of the value head of PPO besides."""

    smoothing: Annotated[float, Field(ge=0, le=1)] = 0.95
    """The lambda of generalised advantages; `ppo` alone."""
    value_weight: Annotated[float, Field(ge=0, le=100)] = 0.5
    """Weight of the value head's squared error; `ppo` alone."""
