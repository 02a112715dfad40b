"""Every architecture of the table, as a small network of its genuine class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    PretrainedConfig,
)

from models.bases.architectures import ARCHITECTURES, PAIRED_TOWERS, architecture_of
from models.bases.folder import read_base, record_base
from models.failures import BadData
from models.training.recipe import BaseKind

SIZES = {
    **dict.fromkeys(("hidden_size", "d_model", "dim"), 32),
    **dict.fromkeys(("intermediate_size", "encoder_ffn_dim", "decoder_ffn_dim", "d_ff"), 64),
    **dict.fromkeys(("num_hidden_layers", "encoder_layers", "decoder_layers", "num_layers"), 2),
    **dict.fromkeys(("num_attention_heads", "encoder_attention_heads", "num_heads"), 4),
    "num_key_value_heads": 2,
    "decoder_attention_heads": 4,
    "n_heads": 4,
    "n_layers": 2,
    "hidden_dim": 64,
    "head_dim": 8,
    "d_kv": 8,
    "vocab_size": 96,
    "embedding_size": 32,
    "max_position_embeddings": 64,
    "pad_token_id": 1,
    "bos_token_id": 2,
    "eos_token_id": 3,
    "image_size": 16,
    "patch_size": 8,
    "projection_dim": 16,
    "cls_token_id": 2,
    "sep_token_id": 3,
}
LOADERS = {"decoder": AutoModelForCausalLM, "encoder_decoder": AutoModelForSeq2SeqLM}
EVERY = [
    (kind, each)
    for kind, types in ARCHITECTURES.items()
    # pipelines: test_diffusion_tuning.py; what writes about pictures:
    # test_visual_question_answering.py
    if kind not in ("diffusion", "image_text_to_text")
    for each in types
    if each != PAIRED_TOWERS  # the shipped base's: test_image_text_tuning.py
]


def small_config(model_type: str) -> PretrainedConfig:
    """Return a config of an architecture with every size that it knows made small."""
    known = AutoConfig.for_model(model_type)
    if parts := [name for name in ("text_config", "vision_config") if hasattr(known, name)]:
        inner = {name: _small(getattr(known, name)) for name in parts}
        return type(known)(**inner, projection_dim=16)
    started = {"decoder_start_token_id": 1} if known.is_encoder_decoder else {}
    return type(known)(**_small(known), **started)


def _small(config: PretrainedConfig) -> dict[str, Any]:
    return {name: size for name, size in SIZES.items() if name in config.to_dict()}


def _loss(model: nn.Module, kind: BaseKind) -> torch.Tensor:
    ids = torch.randint(4, 96, (2, 9), generator=torch.Generator().manual_seed(1))
    if kind in ("decoder", "encoder_decoder"):
        return model(input_ids=ids, labels=ids).loss
    if kind == "image_text":
        pixels = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(2))
        return model(input_ids=ids, pixel_values=pixels, return_loss=True).loss
    return model(input_ids=ids).last_hidden_state[..., :8].pow(2).mean()


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft's own
@pytest.mark.parametrize(("kind", "model_type"), EVERY, ids=[each for _, each in EVERY])
def test_an_offered_architecture_should_load_and_learn(
    kind: BaseKind, model_type: str, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    loader = LOADERS.get(kind, AutoModel)
    loader.from_config(small_config(model_type)).save_pretrained(tmp_path)
    record_base(tmp_path, name="small", source="test", licence="Apache-2.0")
    base = read_base(tmp_path)
    assert architecture_of(base.config, "small", kind).model_type == model_type
    for lora in (False, True):
        network, report = loader.from_pretrained(
            base.folder, trust_remote_code=False, use_safetensors=True, output_loading_info=True
        )
        assert not report["missing_keys"]
        network.eval()
        if lora:
            network = get_peft_model(network, LoraConfig(r=2, target_modules="all-linear"))
        learned = [each for each in network.parameters() if each.requires_grad]
        before = _loss(network, kind)
        optimiser = torch.optim.SGD(learned, 1e-3)
        for _ in range(2):  # the first step of LoRA moves one of its two matrices alone
            optimiser.zero_grad()
            _loss(network, kind).backward()
            optimiser.step()
        assert all(each.isfinite().all() for each in learned)
        assert _loss(network, kind) < before


@pytest.mark.parametrize(
    ("config", "wanted", "said"),
    [
        (
            {"model_type": "mamba"},
            None,
            r"'mamba', which is not offered\. There are decoder: llama",
        ),
        ({}, "encoder", r"'unknown', which is not offered\. There are encoder: bert"),
        ({"model_type": "own", "auto_map": {}}, None, "code of its own, which is not run"),
        ({"model_type": "bert"}, "decoder", r"reads text \(bert\).*continues text: llama"),
        ({"model_type": "bert"}, "diffusion", "draws: StableDiffusionPipeline, Pixel"),
    ],
)
def test_others_should_be_refused_by_name(
    config: dict[str, Any], wanted: BaseKind | None, said: str
) -> None:
    with pytest.raises(BadData, match=said):
        architecture_of(config, "it", wanted)
