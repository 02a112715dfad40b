"""Ways to train in less memory: a batch in parts, and layers that are computed again."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from models.failures import BadRecipe
from models.training.settings import RecipeSettings


def batch_parts(batch: Sequence[torch.Tensor], count: int) -> list[Sequence[torch.Tensor]]:
    """Return a batch in equal parts. Raises BadRecipe if its rows do not divide."""
    if count == 1:
        return [batch]
    rows = len(batch[0])
    if rows % count:
        raise BadRecipe(
            f"accumulate: is {count}, which does not divide the {rows} rows of a process; give one "
            "that does."
        )
    return [*zip(*(each.chunk(count) for each in batch), strict=True)]


def require_whole_batches(settings: RecipeSettings) -> None:
    """Raise BadRecipe if a training that takes whole batches is asked to save memory."""
    if settings.accumulate > 1 or settings.checkpointing or settings.validation_share:
        raise BadRecipe(
            "accumulate, checkpointing and validation_share: this training takes whole batches, "
            "remembers its layers, and has no loss that says how good it is; leave them out."
        )


def recompute_layers(network: nn.Module) -> None:
    """Have the layers of `network` computed again in the backward pass, to save memory.

    T. Chen et al., https://arxiv.org/abs/1604.06174

    Raises:
        BadRecipe: none of its modules can.
    """
    found = False
    for module in network.modules():
        if getattr(module, "supports_gradient_checkpointing", False):
            module.activation_checkpointing_enable({"use_reentrant": False})
            found = True
        elif getattr(module, "_supports_gradient_checkpointing", False):
            module.enable_gradient_checkpointing()
            found = True
    if not found:
        raise BadRecipe(
            "checkpointing: no layer of this network can be computed again; leave it off, and give "
            "a smaller batch or a greater accumulate."
        )
