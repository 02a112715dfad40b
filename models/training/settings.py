"""The settings of every training: steps, rate, batches, memory, and when to stop."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class RecipeSettings(BaseModel):
    """The settings of every recipe, which a recipe's `Parameters` extends."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    steps: Annotated[int, Field(ge=1, le=10_000_000)]
    """Optimiser steps."""
    batch: Annotated[int, Field(ge=1, le=65_536)]
    """Rows a step, over all processes together."""
    learning_rate: Annotated[float, Field(gt=0, le=10)]
    """The highest rate: it rises over `warmup` steps and falls as a cosine."""
    warmup: Annotated[int, Field(ge=0)] = 0
    """Steps over which the rate rises from nothing."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    clip_norm: Annotated[float, Field(gt=0)] | None = None
    """The most that the norm of all gradients may be."""
    checkpoint_every: Annotated[int, Field(ge=1)] = 100
    """Steps between checkpoints."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    """Threads of a process on a CPU; more change the last digits of sums."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """The number format of matrix products; weights stay fp32."""
    accumulate: Annotated[int, Field(ge=1, le=1024)] = 1
    """Parts of a process's rows that are computed one after the other, and whose gradients are
    averaged: less memory for the same step. A loss that compares rows compares those of a part."""
    checkpointing: bool = False
    """Whether layers are computed again for their gradients, and not remembered: much less memory,
    about a third more time. Networks of transformers and diffusers can."""
    sharded: bool = False
    """Whether each of several processes holds a part of the network (FSDP), and not all of it: for
    a base that is larger than a device. In one process it changes nothing."""
    validation_share: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """The share of the training's rows that are not learned. The model has the weights whose loss
    on them was lowest."""
    validate_every: Annotated[int, Field(ge=1)] = 100
    """Steps between looks at the loss on them."""
    patience: Annotated[int, Field(ge=1)] | None = None
    """Looks in a row without a lower loss after which the training ends; None trains all steps."""

    @property
    def named_bases(self) -> frozenset[str]:
        """Return the channels of the recipe's optional bases that these settings need."""
        return frozenset()

    @model_validator(mode="after")
    def _has_rows_to_stop_by(self) -> Self:
        if self.patience is not None and not self.validation_share:
            raise ValueError("patience needs validation_share, the rows whose loss it watches")
        if self.sharded and self.validation_share:
            raise ValueError(
                "sharded keeps no best weights; leave validation_share out, or sharded"
            )
        return self
