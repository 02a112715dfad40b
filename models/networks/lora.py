"""LoRA by peft: two narrow matrices that learn beside each frozen matrix of a network.

E. Hu et al., 2021, https://arxiv.org/abs/2106.09685.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Literal, Protocol

from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn

ALL_LINEAR = "all-linear"
"""All linear layers but the head."""


class LoraSettings(Protocol):
    """The settings of LoRA. `scale` is its alpha: products are multiplied by alpha over `rank`."""

    @property
    def rank(self) -> int:
        """Return the width of both matrices."""

    @property
    def scale(self) -> float:
        """Return alpha."""


def with_lora(
    network: nn.Module,
    settings: LoraSettings,
    targets: str | Sequence[str] = ALL_LINEAR,
    *,
    dropout: float = 0.0,
    task: Literal["CAUSAL_LM", "SEQ_2_SEQ_LM"] | None = None,
) -> PeftModel:
    """Freeze a network, put LoRA into its layers, and return it wrapped.

    Args:
        network: what is frozen; it is changed.
        settings: rank and scale.
        targets: the layers, by their names or as ALL_LINEAR.
        dropout: the share of LoRA's inputs that a step leaves out.
        task: what peft calls the network's task, if it is one of these two.
    """
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.scale,
        lora_dropout=dropout,
        target_modules=targets if isinstance(targets, str) else list(targets),
        task_type=task,
    )
    with warnings.catch_warnings():
        # peft asks transformers for an attribute by its old name.
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        found = get_peft_model(network, config)
    assert isinstance(found, PeftModel)
    return found
