"""Frozen layers in 4 bits beside LoRA: T. Dettmers et al., QLoRA, https://arxiv.org/abs/2305.14314.

NF4 with quantised scales, by bitsandbytes, of the layers' matrices; the tokens' vectors and
the head stay as they are. A training alone needs it: what is judged and served is the base with
the matrices of LoRA.
"""

from __future__ import annotations

import warnings

import torch
from peft.tuners.lora import LoraLayer
from torch import nn

from models.failures import BadRecipe

EXTRA = "requirements/qlora.in"
"""The file that names the package, which nothing else needs."""
_KINDS = ("cuda", "cpu")


def quantise_frozen(network: nn.Module, device: torch.device) -> int:
    """Put 4-bit weights into the frozen layers that LoRA goes beside, and return their number.

    They are moved to `device` one after the other, which quantises them there.

    Raises:
        BadRecipe: bitsandbytes is not here, or has nothing for the device.
    """
    if device.type not in _KINDS:
        raise BadRecipe(
            f"way: qlora needs an NVIDIA GPU, --target gpu (or a CPU, slowly), and this is "
            f"{device.type}; take lora."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from bitsandbytes.nn import Linear4bit, Params4bit
    except ImportError as error:
        raise BadRecipe(
            f"way: qlora needs bitsandbytes, which is not here ({error}): install {EXTRA}, or give "
            "the job an image that has it (--image), or take lora."
        ) from error
    count = 0
    for layer in list(network.modules()):
        if not isinstance(layer, LoraLayer) or type(layer.base_layer) is not nn.Linear:
            continue
        plain = layer.base_layer
        made = Linear4bit(
            plain.in_features,
            plain.out_features,
            bias=plain.bias is not None,
            compute_dtype=torch.bfloat16 if device.type == "cuda" else torch.float32,
            quant_type="nf4",
            device="meta",
        )
        made.weight = Params4bit(
            plain.weight.detach(), requires_grad=False, quant_type="nf4", compress_statistics=True
        )
        made.bias = plain.bias
        layer.base_layer = made.to(device)
        count += 1
    return count
