"""Folders of transformers' layout from the files that packages carry.

Each conversion reads the folder `source` and writes config, weights as safetensors and tokenizer to
`target`. They need the training environment.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper
from tokenizers import Tokenizer, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BertConfig,
    BertModel,
    LlamaConfig,
    LlamaForCausalLM,
)
from transformers.utils import logging

from models.failures import OutOfParity

Conversion = Callable[[Path, Path], None]

_GRAPH_NAMES = {
    "attention.self.query": "attn.q_proj",
    "attention.self.key": "attn.k_proj",
    "attention.self.value": "attn.v_proj",
    "attention.output.dense": "attn.o_proj",
    "intermediate.dense": "mlp.fc1",
    "output.dense": "mlp.fc2",
    "attention.output.LayerNorm": "attention_output_norm_layernorm",
    "output.LayerNorm": "mlp_output_norm_layernorm",
}
"""Parts of a BERT's layer as transformers and as the exported graph call them."""
_PARITY = 1e-4
"""The most that a value of a converted network may differ from that of the graph it comes from."""
_ARCHIVE_FOLDER = "all-mpnet-base-v2"
_OF_ARCHIVE = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")


def smollm2(source: Path, target: Path) -> None:
    """Write SmolLM2 with its 4-bit weights dequantised to fp32."""
    (file,) = source.glob("*.gguf")
    opened = AutoModelForCausalLM.from_pretrained(source, gguf_file=file.name, dtype=torch.float32)
    settings = opened.config.to_dict()
    for name in ("quantization_config", "_name_or_path"):
        settings.pop(name, None)
    model = LlamaForCausalLM(LlamaConfig(**settings))
    model.load_state_dict(opened.state_dict())
    model.save_pretrained(target)
    tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=file.name)
    # The reader of GGUF leaves out that this vocabulary splits numbers into digits first, and text
    # such as "\n\n12." would get other tokens than the model learned.
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.model_max_length = settings["max_position_embeddings"]
    tokenizer.save_pretrained(target)


def minilm(source: Path, target: Path) -> None:
    """Write MiniLM as a BERT, its weights out of the exported graph."""
    graph = onnx.load(source / "model.onnx").graph
    weights = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    layers = len({name for name in weights if name.endswith(".attn.q_proj.MatMul.weight")})
    words, width = weights[".model.embeddings.word_embeddings.weight"].shape
    config = BertConfig(
        vocab_size=words,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=12,
        intermediate_size=weights["model.layers.0.mlp.fc1.Add.bias"].shape[0],
        max_position_embeddings=512,
    )
    model = BertModel(config, add_pooling_layer=False).eval()
    model.load_state_dict(bert_state(weights, layers))
    require_parity(model, source / "model.onnx")
    model.save_pretrained(target)
    write_tokenizer(
        source / "tokenizer.json",
        target,
        {
            "tokenizer_class": "BertTokenizer",
            "do_lower_case": True,
            "model_max_length": config.max_position_embeddings,
            "pad_token": "[PAD]",
            "unk_token": "[UNK]",
            "cls_token": "[CLS]",
            "sep_token": "[SEP]",
            "mask_token": "[MASK]",
        },
    )


def bert_state(weights: Mapping[str, Any], layers: int) -> dict[str, torch.Tensor]:
    """Return the state of a BertModel from the constants of its graph, which multiplies x·W."""
    state = {
        f"embeddings.{name}": weights[f".model.embeddings.{name}"]
        for name in (
            "word_embeddings.weight",
            "position_embeddings.weight",
            "token_type_embeddings.weight",
        )
    }
    for part in ("weight", "bias"):
        first = weights[f"model.layers.-1.embeddings_norm_layernorm.{part}"]
        state[f"embeddings.LayerNorm.{part}"] = first
    for number in range(layers):
        ours, theirs = f"encoder.layer.{number}", f"model.layers.{number}"
        for name, graph_name in _GRAPH_NAMES.items():
            if name.endswith("LayerNorm"):
                for part in ("weight", "bias"):
                    state[f"{ours}.{name}.{part}"] = weights[f"{theirs}.{graph_name}.{part}"]
                continue
            state[f"{ours}.{name}.weight"] = weights[f"{theirs}.{graph_name}.MatMul.weight"].T
            state[f"{ours}.{name}.bias"] = weights[f"{theirs}.{graph_name}.Add.bias"]
    return {name: torch.tensor(value) for name, value in state.items()}


def require_parity(model: BertModel, graph: Path) -> None:
    """Raise OutOfParity if a model's token vectors differ from its graph's, padding among them."""
    session = onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    ids = np.random.default_rng(0).integers(1000, model.config.vocab_size, (3, 24))
    mask = np.ones_like(ids)
    mask[1, 9:] = 0
    given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    (wanted,) = session.run(None, {each.name: given[each.name] for each in session.get_inputs()})
    with torch.no_grad():
        tensors = {name: torch.from_numpy(value) for name, value in given.items()}
        found = model(**tensors).last_hidden_state.numpy()
    difference = float(np.abs(found - wanted)[mask == 1].max())
    if not difference <= _PARITY:
        raise OutOfParity(
            f"The converted model differs from {graph.name} by {difference:.2g}; at most "
            f"{_PARITY:g} is allowed. Use the version of transformers that is pinned."
        )


def mpnet(source: Path, target: Path) -> None:
    """Write MPNet as its archive has it."""
    with zipfile.ZipFile(source / "archive.zip") as archive:
        for name in _OF_ARCHIVE:
            member = archive.open(f"{_ARCHIVE_FOLDER}/{name}")
            with member, (target / name).open("wb") as out:
                shutil.copyfileobj(member, out)
    written = json.loads((target / "tokenizer_config.json").read_text(encoding="utf-8"))
    write_tokenizer(target / "tokenizer.json", target, written)


def write_tokenizer(source: Path, target: Path, config: Mapping[str, Any]) -> None:
    """Write a tokenizer that neither pads nor cuts by itself, and its config."""
    tokenizer = Tokenizer.from_file(str(source))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.save(str(target / "tokenizer.json"))
    (target / "tokenizer_config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")


def convert(name: str, source: Path, target: Path, beside: Path | None = None) -> None:
    """Convert the files in `source`, and a base beside them, into the shipped base called `name`.

    Raises OutOfParity if what was converted computes something else.
    """
    logging.disable_progress_bar()
    target.mkdir(parents=True, exist_ok=True)
    if beside is not None:
        from models.pull.paired_base import pair_towers  # only this base needs its networks

        pair_towers(source, beside, target)
    else:
        _CONVERSIONS[name](source, target)
    for path in target.iterdir():
        path.chmod(0o644)


_CONVERSIONS: Mapping[str, Conversion] = {
    "smollm2-135m-instruct": smollm2,
    "minilm-l6-v2": minilm,
    "mpnet-base-v2": mpnet,
}
