"""The adapted decoder for each way of tuning, and its loss."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import partial

import torch
from peft import (
    IA3Config,
    LoraConfig,
    PeftConfig,
    PromptTuningConfig,
    PromptTuningInit,
    TaskType,
    get_peft_model,
)
from torch import nn
from torch.nn import functional
from transformers import LlamaForCausalLM

from models.networks.adapted_decoder import AdaptedDecoder
from models.recipes.adapted.parameters import Parameters
from models.training.supervised_task import Batch, Loss

_LORA = (
    "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "lm_head",
)  # fmt: skip
"""The last one too: a small model's frozen logits are flat, and answers would stay unsure."""
_IA3 = ("k_proj", "v_proj", "down_proj")
_IA3_INSIDE = ("down_proj",)


def make_network(parameters: Parameters) -> AdaptedDecoder:
    """Return a decoder prepared for the way of tuning."""
    return AdaptedDecoder(parameters, partial(_wrapped, parameters))


def _wrapped(parameters: Parameters, plain: LlamaForCausalLM) -> nn.Module:
    config = _config(parameters)
    if config is None:
        return plain
    with warnings.catch_warnings():
        # peft asks transformers for an attribute by its old name.
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        found: nn.Module = get_peft_model(plain, config)
    return found


def _config(parameters: Parameters) -> PeftConfig | None:
    task = TaskType.CAUSAL_LM
    if parameters.way == "lora":
        return LoraConfig(
            task_type=task,
            r=parameters.rank,
            lora_alpha=parameters.scale,
            target_modules=list(_LORA),
        )
    if parameters.way == "ia3":
        return IA3Config(
            task_type=task, target_modules=list(_IA3), feedforward_modules=list(_IA3_INSIDE)
        )
    if parameters.way == "prompt_tuning":
        return PromptTuningConfig(
            task_type=task,
            num_virtual_tokens=parameters.prompt_tokens,
            prompt_tuning_init=PromptTuningInit.RANDOM,
        )
    return None


def prefix(parameters: Parameters) -> tuple[int, ...]:
    """Return the tokens of a tuned prompt, which precede every prompt; else none."""
    count = parameters.prompt_tokens if parameters.way == "prompt_tuning" else 0
    return tuple(range(parameters.vocabulary, parameters.vocabulary + count))


def thaw(model: AdaptedDecoder, parameters: Parameters, number: int) -> None:
    """Unfreeze the layers that learn in step `number`: the last first, all after a quarter.

    If the first layers thawed later, the last alone would memorise the answers.

    J. Howard and S. Ruder, https://arxiv.org/abs/1801.06146
    """
    if parameters.way != "gradual":
        return
    found = model.inner.model
    layers = [*found.layers]
    awake = min(len(layers), 1 + 4 * len(layers) * (number - 1) // parameters.steps)
    asleep = len(layers) - awake
    for place, layer in enumerate(layers):
        layer.requires_grad_(place >= asleep)
    found.embed_tokens.requires_grad_(asleep == 0)


def objective(parameters: Parameters) -> Loss:
    """Return the loss: mean cross-entropy of the answers' tokens.

    A batch has rows of tokens, [n, length], and masks of their answers.
    """

    def loss(network: torch.nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
        assert isinstance(network, AdaptedDecoder)
        thaw(network, parameters, number)
        tokens, answers = batch
        told = network(tokens[:, :-1]).transpose(1, 2)
        each = functional.cross_entropy(told, tokens[:, 1:], reduction="none")
        counted = answers[:, 1:]
        return {"loss": (each * counted).sum() / counted.sum()}

    return loss
