"""What learns in each way."""

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
from models.training.supervised import Batch, Loss

_LORA = (
    "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "lm_head",
)  # fmt: skip
"""The last one too: a small model's frozen logits are flat, and answers would stay unsure."""
_IA3 = ("k_proj", "v_proj", "down_proj")
_IA3_INSIDE = ("down_proj",)


def make_network(parameters: Parameters) -> AdaptedDecoder:
    """Return a decoder with what is to learn in it."""
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
    """Return the tokens that go before every prompt: a tuned prompt's, after all others."""
    count = parameters.prompt_tokens if parameters.way == "prompt_tuning" else 0
    return tuple(range(parameters.vocabulary, parameters.vocabulary + count))


def thaw(model: AdaptedDecoder, parameters: Parameters, number: int) -> None:
    """Let the layers learn that do so in step `number`: the last first, all from the first
    quarter on. Later they learn too little anew: the last alone come to know answers by heart.

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
    """Return the loss of rows of tokens, [n, length], and masks of what of them is an answer."""

    def loss(network: torch.nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
        assert isinstance(network, AdaptedDecoder)
        thaw(network, parameters, number)
        tokens, answers = batch
        told = network(tokens[:, :-1]).transpose(1, 2)
        each = functional.cross_entropy(told, tokens[:, 1:], reduction="none")
        counted = answers[:, 1:]
        return {"loss": (each * counted).sum() / counted.sum()}

    return loss
