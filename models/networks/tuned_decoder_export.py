"""The graph and the files that serve a tuned decoder.

What a way learns beside the weights is a file of its own: LoRA's matrices are optional inputs of
the base's graph, and a prompt or prefix is keys and values that stand before every prompt. So the
graph of a base is the same whatever was tuned on it, and one open session serves all of them.
"""

from __future__ import annotations

import copy
import io
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from torch import nn
from transformers import DynamicCache, PreTrainedModel

from chalicelib.contracts.model_manifest import ADAPTER_FILE, PREFIX_FILE, TEMPLATE_FILE
from models.data.text import TOKENIZER
from models.networks.base_decoder import load_decoder
from models.networks.decoder import DECODER_GRAPH, decoding_step
from models.networks.tuned_decoder import TunedDecoder
from models.training import seeds
from models.training.recipe_code import Constant, Graph

LENGTH = "length"

_STREAM = 2**31 + 3
_RANK = "rank"
_PREFIX_OF_PEFT = "base_model.model."


class LinearWithSlot(nn.Module):
    """A linear layer and two matrices of LoRA, which are set from outside."""

    def __init__(self, layer: nn.Linear) -> None:
        """Wrap a layer."""
        super().__init__()
        self.layer = layer
        self.pair: tuple[torch.Tensor, torch.Tensor] | None = None

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """Return the layer's output with that of the matrices added."""
        assert self.pair is not None
        down, up = self.pair
        found: torch.Tensor = self.layer(vectors) + (vectors @ down) @ up
        return found


class HalfTable(nn.Module):
    """A table of tokens' vectors in 16 bits, which are looked up as fp32."""

    def __init__(self, table: torch.Tensor) -> None:
        """Store a table."""
        super().__init__()
        self.table = nn.Parameter(table.detach().half(), requires_grad=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the vectors of tokens."""
        return nn.functional.embedding(tokens, self.table).float()


class TunedDecoding(nn.Module):
    """One decoding step of a base with tensors as inputs and outputs only, for export.

    Logits are those after the last token. With `slots`, LoRA's matrices follow the other inputs.
    """

    def __init__(self, network: PreTrainedModel, *, slots: bool, half_table: bool) -> None:
        """Put slots into a network, and a table of 16 bits, which change it."""
        super().__init__()
        head = network.get_output_embeddings()
        if half_table:
            # A head that is tied to the table gets weights of its own, which can be of 8 bits.
            own = nn.Linear(head.in_features, head.out_features, bias=head.bias is not None)
            own.load_state_dict(copy.deepcopy(head.state_dict()))
            head = own
            network.base_model.set_input_embeddings(
                HalfTable(network.base_model.get_input_embeddings().weight)
            )
        self.slots = _put_slots(network) if slots else {}
        self.model = network.base_model
        self.head = head

    def forward(
        self,
        tokens: torch.Tensor,
        past_keys: torch.Tensor,
        past_values: torch.Tensor,
        *matrices: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return logits, keys and values."""
        for number, slot in enumerate(self.slots.values()):
            slot.pair = (matrices[2 * number], matrices[2 * number + 1])
        found, keys, values = decoding_step(self.model, tokens, past_keys, past_values)
        return self.head(found.last_hidden_state[:, -1:]), keys, values


def _put_slots(network: PreTrainedModel) -> dict[str, LinearWithSlot]:
    """Wrap every linear layer but the head; return the wrappers by the layers' names."""
    head = network.get_output_embeddings()
    linear = [
        name
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear) and module is not head
    ]
    found = {}
    for name in linear:
        parent, _, last = name.rpartition(".")
        wrapped = LinearWithSlot(network.get_submodule(name))
        setattr(network.get_submodule(parent), last, wrapped)
        found[name] = wrapped
    return found


def matrix_names(layers: Sequence[str]) -> list[str]:
    """Return the names of a graph's optional inputs: LoRA's matrices of each layer."""
    return [f"{name}.lora_{letter}" for name in layers for letter in "AB"]


def tuned_graphs(model: TunedDecoder) -> Mapping[str, Graph]:
    """Return the decoding graph: of the tuned weights, or of the base with slots for adapters."""
    network = model.merged_decoder() if model.in_weights else load_decoder(model.base)
    network.eval()
    stream = seeds.generator(model.settings.seed, _STREAM)
    vocabulary = model.sizes.vocabulary
    # Keys and values of a text: those of noise would be far from all that the layers ever see.
    caches = {
        size: _cache_tensors(network, torch.randint(vocabulary, size, generator=stream))
        for size in ((2, 5), (3, 11))
    }
    half = model.settings.weight_bits < 32
    step = TunedDecoding(network, slots=not model.in_weights, half_table=half)
    optional = matrix_names(list(step.slots))

    def inputs(count: int, length: int, past: int, rank: int) -> Sequence[torch.Tensor]:
        tokens = torch.randint(vocabulary, (count, length), generator=stream)
        cache = caches[count, past]
        pairs = []
        for slot in step.slots.values():
            wide = slot.layer.in_features, slot.layer.out_features
            pairs += [torch.randn(wide[0], rank, generator=stream) / wide[0] ** 0.5]
            pairs += [torch.randn(rank, wide[1], generator=stream) / 100]
        return [tokens, *cache, *pairs]

    axes = {1: "count", 3: "past"}
    ranks = {name: {int(name.endswith("A")): _RANK} for name in optional}
    return {
        DECODER_GRAPH: Graph(
            step,
            inputs=("tokens", "past_keys", "past_values", *optional),
            outputs=("logits", "keys", "values"),
            examples=inputs(2, 3, 5, 4),
            trial=inputs(3, 7, 11, 6),
            varying={
                "tokens": {0: "count", 1: LENGTH},
                "past_keys": axes,
                "past_values": axes,
                **ranks,
            },
            optional=optional,
            weight_bits=model.settings.weight_bits,
            relative=True,
        )
    }


@torch.no_grad()
def _cache_tensors(network: PreTrainedModel, tokens: torch.Tensor) -> list[torch.Tensor]:
    """Return the keys and the values of tokens, each [layers, count, heads, length, head_size]."""
    cache = DynamicCache()
    network.base_model(input_ids=tokens, cache=cache, use_cache=True)
    return [
        torch.stack([layer.keys for layer in cache.layers]),
        torch.stack([layer.values for layer in cache.layers]),
    ]


def tuned_constants(model: TunedDecoder) -> Mapping[str, Constant]:
    """Return the constants that a server needs to decode, and the marks of the chat template."""
    sizes = model.sizes
    return {
        "vocabulary": sizes.vocabulary,
        "context": model.context,
        "layers": sizes.layers,
        "heads": sizes.heads,
        "head_size": sizes.head_size,
        "prefix": model.prefix_length(),
        "base": model.base.record.name,
        **model.tokenizer.marks,
    }


def tuned_files(model: TunedDecoder) -> Mapping[str, bytes]:
    """Return the tokenizer, the chat template, and what was tuned beside the weights."""
    found = {TOKENIZER: model.tokenizer.file}
    if model.tokenizer.template:
        found[TEMPLATE_FILE] = model.tokenizer.template.encode()
    if isinstance(model.inner, PeftModel) and not model.in_weights:
        found[ADAPTER_FILE] = _packed_adapter(lora_matrices(model.inner))
    if model.prefix is not None:
        cache = model.start(1)
        arrays = {
            "keys": torch.stack([layer.keys for layer in cache.layers]),
            "values": torch.stack([layer.values for layer in cache.layers]),
        }
        content = io.BytesIO()
        np.savez(content, **{name: each.detach().numpy() for name, each in arrays.items()})
        found[PREFIX_FILE] = content.getvalue()
    return found


def lora_matrices(tuned: PeftModel) -> Mapping[str, torch.Tensor]:
    """Return LoRA's matrices by the graph's inputs: [in, rank] and [rank, out], with the scale."""
    found = {}
    for name, layer in tuned.named_modules():
        if isinstance(layer, LoraLayer):
            (adapter,) = layer.lora_A
            plain = name.removeprefix(_PREFIX_OF_PEFT)
            up = layer.lora_B[adapter].weight * layer.scaling[adapter]
            found[f"{plain}.lora_A"] = layer.lora_A[adapter].weight.detach().T.contiguous()
            found[f"{plain}.lora_B"] = up.detach().T.contiguous()
    return found


def _packed_adapter(matrices: Mapping[str, torch.Tensor]) -> bytes:
    packed = onnxruntime.AdapterFormat()
    packed.set_adapter_version(1)
    packed.set_model_version(1)
    values = {
        name: onnxruntime.OrtValue.ortvalue_from_numpy(each.numpy())
        for name, each in matrices.items()
    }
    packed.set_parameters(values)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ADAPTER_FILE
        packed.export_adapter(str(path))
        return path.read_bytes()
