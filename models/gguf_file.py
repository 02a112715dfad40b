"""A decoder as GGUF, the format of llama.cpp: sizes, tokenizer, chat template and weights.

All is read from a folder in Hugging Face's layout. Llama, Qwen2 and Qwen3 are written, with a
byte-level BPE whose splitting llama.cpp knows by name.
https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal, get_args

import gguf
import numpy as np
import torch
from numpy.typing import NDArray

from models.bases.folder import BaseModel
from models.data.text import TOKENIZER
from models.failures import BadData
from models.networks.base_decoder import BaseTokenizer, DecoderSizes, read_base_tokenizer

GgufEncoding = Literal["f16", "q8_0"]
ENCODINGS: Final = get_args(GgufEncoding)
_TYPES: Mapping[GgufEncoding, gguf.GGMLQuantizationType] = {
    "f16": gguf.GGMLQuantizationType.F16,
    "q8_0": gguf.GGMLQuantizationType.Q8_0,
}
_FILE_TYPES: Mapping[GgufEncoding, gguf.LlamaFileType] = {
    "f16": gguf.LlamaFileType.MOSTLY_F16,
    "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
}
_ARCHITECTURES: Mapping[str, gguf.MODEL_ARCH] = {
    "llama": gguf.MODEL_ARCH.LLAMA,
    "qwen2": gguf.MODEL_ARCH.QWEN2,
    "qwen3": gguf.MODEL_ARCH.QWEN3,
}
_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_SPLITS: Mapping[str, str] = {_WORDS % "{1,3}": "llama-bpe", _WORDS % "": "qwen2"}
"""How llama.cpp calls the ways in which texts are split into words, by their patterns."""


def write_gguf(
    base: BaseModel,
    weights: Mapping[str, torch.Tensor],
    into: Path,
    encoding: GgufEncoding = "f16",
) -> None:
    """Write `weights`, named as transformers names those of the base, as the GGUF `into`.

    `base` gives sizes, tokenizer and template. Matrices whose rows are no multiple of 32 are
    written as f16 where `encoding` is of 8 bits.

    Raises:
        BadData: the base is of an architecture, a tokenizer or a scaling of positions that is not
            written; or a weight is missing or unknown.
    """
    kind = _ARCHITECTURES.get(base.model_type)
    if kind is None:
        raise BadData(
            f"{base.record.name} is of the architecture {base.model_type}, and GGUF is written of "
            f"{', '.join(_ARCHITECTURES)}."
        )
    writer = gguf.GGUFWriter(str(into), gguf.MODEL_ARCH_NAMES[kind])
    try:
        _add_sizes(writer, base)
        _add_tokenizer(writer, base)
        writer.add_file_type(_FILE_TYPES[encoding])
        writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
        for name, array in _tensors(base, kind, weights):
            _add_tensor(writer, name, array, encoding)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    finally:
        writer.close()


def _add_sizes(writer: gguf.GGUFWriter, base: BaseModel) -> None:
    sizes, config = DecoderSizes.of(base), base.config
    writer.add_name(base.record.name)
    writer.add_license(base.record.licence)
    writer.add_block_count(sizes.layers)
    writer.add_context_length(sizes.context)
    writer.add_embedding_length(sizes.width)
    writer.add_feed_forward_length(int(config["intermediate_size"]))
    writer.add_head_count(int(config["num_attention_heads"]))
    writer.add_head_count_kv(sizes.heads)
    writer.add_key_length(sizes.head_size)
    writer.add_value_length(sizes.head_size)
    writer.add_rope_dimension_count(sizes.head_size)
    writer.add_rope_freq_base(float(_rope(base).get("rope_theta", 10_000.0)))
    writer.add_layer_norm_rms_eps(float(config["rms_norm_eps"]))
    writer.add_vocab_size(sizes.vocabulary)


def _rope(base: BaseModel) -> Mapping[str, Any]:
    """Return the settings of rotary positions, in the form of transformers 5.

    Raises BadData for a scaling that is not written.
    """
    config = base.config
    found: dict[str, Any] = dict(
        config.get("rope_parameters") or config.get("rope_scaling") or {"rope_type": "default"}
    )
    if "rope_theta" in config:
        found.setdefault("rope_theta", config["rope_theta"])
    kind = found.get("rope_type", found.get("type", "default"))
    if kind not in ("default", "llama3"):
        raise BadData(
            f"{base.record.name} scales positions by {kind!r}, and GGUF is written of models that "
            "scale by llama3 or not at all."
        )
    return {**found, "rope_type": kind}


def _rope_factors(rope: Mapping[str, Any], head_size: int) -> NDArray[np.float32]:
    """Return by how much each frequency of Llama 3 is slowed.

    As transformers' `_compute_llama3_parameters`: long waves by the whole factor, short ones not,
    and those between by a share.
    """
    factor, low, high = (
        float(rope[name]) for name in ("factor", "low_freq_factor", "high_freq_factor")
    )
    context = float(rope["original_max_position_embeddings"])
    base = float(rope.get("rope_theta", 10_000.0))
    found = []
    for place in range(0, head_size, 2):
        wave = 2 * math.pi * base ** (place / head_size)
        if wave < context / high:
            found.append(1.0)
        elif wave > context / low:
            found.append(factor)
        else:
            share = (context / wave - low) / (high - low)
            found.append(1 / ((1 - share) / factor + share))
    return np.array(found, np.float32)


def _add_tokenizer(writer: gguf.GGUFWriter, base: BaseModel) -> None:
    read = read_base_tokenizer(base)
    written = json.loads(read.file)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(_splitting(written, base.record.name))
    tokens, types = _vocabulary(read, written, DecoderSizes.of(base).vocabulary)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    merges = written["model"]["merges"]
    writer.add_token_merges([each if isinstance(each, str) else " ".join(each) for each in merges])
    for mark, add in (
        ("bos_token", writer.add_bos_token_id),
        ("unk_token", writer.add_unk_token_id),
        ("pad_token", writer.add_pad_token_id),
    ):
        known = read.tokenizer.token_to_id(read.marks[mark]) if mark in read.marks else None
        if known is not None:
            add(known)
    writer.add_eos_token_id(read.end)
    begins = read.tokenizer.encode("").ids
    bos = read.tokenizer.token_to_id(read.marks["bos_token"]) if "bos_token" in read.marks else None
    writer.add_add_bos_token(bool(begins) and begins[0] == bos)
    writer.add_add_space_prefix(False)
    if read.template:
        writer.add_chat_template(read.template)


def _splitting(written: Mapping[str, Any], name: str) -> str:
    """Return llama.cpp's name of how a tokenizer splits texts. Raises BadData for another one."""
    pre = written.get("pre_tokenizer") or {}
    steps = pre.get("pretokenizers", [pre])
    kinds = [step.get("type") for step in steps]
    if written["model"].get("type") == "BPE" and not written["model"].get("byte_fallback"):
        if kinds == ["ByteLevel"] and steps[0].get("use_regex", True):
            return "gpt-2"
        if kinds == ["Digits", "ByteLevel"] and steps[0].get("individual_digits"):
            return "smollm"
        if kinds == ["Split", "ByteLevel"]:
            pattern = steps[0].get("pattern", {}).get("Regex", "")
            if pattern in _SPLITS:
                return _SPLITS[pattern]
    raise BadData(
        f"The tokenizer of {name} ({TOKENIZER}) is none that is written as GGUF: those are "
        "byte-level BPE that split texts as GPT-2, SmolLM, Llama 3 or Qwen2 do. Convert the "
        "safetensors by llama.cpp's convert_hf_to_gguf.py."
    )


def _vocabulary(
    read: BaseTokenizer, written: Mapping[str, Any], size: int
) -> tuple[list[str], list[int]]:
    """Return the tokens by their ids, and what kind each is; ids without one are unused."""
    named = {at: text for text, at in read.tokenizer.get_vocab(with_added_tokens=True).items()}
    added = {int(each["id"]): each for each in written.get("added_tokens", ())}
    tokens, types = [], []
    for at in range(size):
        tokens.append(named.get(at, f"[PAD{at}]"))
        if at not in named:
            types.append(gguf.TokenType.UNUSED)
        elif at in added:
            special = added[at].get("special")
            types.append(gguf.TokenType.CONTROL if special else gguf.TokenType.USER_DEFINED)
        else:
            types.append(gguf.TokenType.NORMAL)
    return tokens, types


def _tensors(
    base: BaseModel, kind: gguf.MODEL_ARCH, weights: Mapping[str, torch.Tensor]
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield the weights by GGUF's names. A head that is tied to the embeddings is left out."""
    sizes, rope = DecoderSizes.of(base), _rope(base)
    if rope["rope_type"] == "llama3":
        yield "rope_freqs.weight", _rope_factors(rope, sizes.head_size)
    names = gguf.get_tensor_name_map(kind, sizes.layers)
    heads = {
        "q_proj": int(base.config["num_attention_heads"]),
        "k_proj": sizes.heads,
    }
    tied, found = bool(base.config.get("tie_word_embeddings")), set()
    for name, weight in weights.items():
        if tied and name == "lm_head.weight":
            continue
        known = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if known is None:
            raise BadData(f"{name} is no weight of {base.model_type} that GGUF has.")
        array = weight.detach().to("cpu", torch.float32).numpy()
        part = name.split(".")[-2]
        if kind is gguf.MODEL_ARCH.LLAMA and part in heads:
            array = _interleaved(array, heads[part])
        found.add(known)
        yield known, array
    wanted = {"token_embd.weight", "output_norm.weight", *([] if tied else ["output.weight"])}
    parts = ("attn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_norm")
    for layer in range(sizes.layers):
        for part in (*parts, "ffn_gate", "ffn_up", "ffn_down"):
            wanted.add(f"blk.{layer}.{part}.weight")
    if missing := sorted(wanted - found):
        raise BadData(f"The weights have no {missing[0]}, which a {base.model_type} has.")


def _add_tensor(
    writer: gguf.GGUFWriter, name: str, array: NDArray[np.float32], encoding: GgufEncoding
) -> None:
    if array.ndim == 1:
        writer.add_tensor(name, np.ascontiguousarray(array))
        return
    kind = _TYPES[encoding]
    if array.shape[-1] % gguf.GGML_QUANT_SIZES[kind][0]:
        kind = gguf.GGMLQuantizationType.F16
    packed = gguf.quants.quantize(np.ascontiguousarray(array), kind)
    writer.add_tensor(name, packed, raw_dtype=kind)


def _interleaved(weight: NDArray[Any], heads: int) -> NDArray[Any]:
    """Return the rows of a head in the order in which llama.cpp turns pairs of them.

    transformers pairs a row with that half a head further on, llama.cpp with the next one.
    """
    half = weight.shape[0] // heads // 2
    paired = weight.reshape(heads, 2, half, *weight.shape[1:]).swapaxes(1, 2)
    return np.ascontiguousarray(paired.reshape(weight.shape))
