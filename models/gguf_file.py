"""A tuned Llama-like decoder as GGUF, the format of llama.cpp.

Sizes, tokenizer and chat template are copied from a GGUF of its base, and the weights, in 16 bits,
take the place of that file's.
https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from numpy.typing import NDArray

from models.failures import BadData

_FLOAT16 = 1
"""The file type of a GGUF whose matrices are 16-bit floats."""
_NOT_COPIED = ("GGUF.", "general.architecture", "general.file_type", "general.quantization_version")


def write_gguf(base: Path, weights: Mapping[str, torch.Tensor], into: Path) -> None:
    """Write `weights`, named as transformers names those of Llama, as the GGUF `into`.

    Raises:
        BadData: `base` is of another architecture, or a weight is missing or unknown.
    """
    source = gguf.GGUFReader(str(base))
    architecture = str(_value(source, "general.architecture"))
    if architecture != "llama":
        raise BadData(f"{base} is of the architecture {architecture}, and only llama is written.")
    writer = gguf.GGUFWriter(str(into), architecture)
    for name, field in source.fields.items():
        if not name.startswith(_NOT_COPIED):
            kind = field.types[0]
            inner = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(name, field.contents(), kind, inner)
    writer.add_file_type(_FLOAT16)
    for name, tensor in _tensors(source, weights).items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _tensors(
    source: gguf.GGUFReader, weights: Mapping[str, torch.Tensor]
) -> dict[str, NDArray[Any]]:
    """Return the weights by GGUF's names, in the order of the base's file."""
    names = gguf.get_tensor_name_map(
        gguf.MODEL_ARCH.LLAMA, int(_value(source, "llama.block_count"))
    )
    found = {}
    for name, weight in weights.items():
        known = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if known is not None:
            found[known] = _as_gguf(name, weight, source)
    wanted = [tensor.name for tensor in source.tensors]
    if missing := [name for name in wanted if name not in found]:
        raise BadData(f"The weights have no {missing[0]}, which the base's GGUF has.")
    return {name: found[name] for name in wanted}


def _as_gguf(name: str, weight: torch.Tensor, source: gguf.GGUFReader) -> NDArray[Any]:
    array = weight.detach().to("cpu", torch.float32).numpy()
    if name.endswith(("q_proj.weight", "k_proj.weight")):
        heads = "llama.attention.head_count" + ("_kv" if "k_proj" in name else "")
        array = _interleaved(array, int(_value(source, heads)))
    return array.astype(np.float16) if array.ndim > 1 else np.ascontiguousarray(array)


def _interleaved(weight: NDArray[Any], heads: int) -> NDArray[Any]:
    """Return the rows of a head in the order in which llama.cpp turns pairs of them.

    transformers pairs a row with that half a head further on, llama.cpp with the next one.
    """
    half = weight.shape[0] // heads // 2
    paired = weight.reshape(heads, 2, half, weight.shape[1]).swapaxes(1, 2)
    return np.ascontiguousarray(paired.reshape(weight.shape))


def _value(source: gguf.GGUFReader, name: str) -> Any:
    field = source.get_field(name)
    if field is None:
        raise BadData(f"The base's GGUF has no {name}.")
    return field.contents()
