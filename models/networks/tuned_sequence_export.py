"""The graphs and the files that serve a tuned encoder-decoder.

`encoder` reads a text once, and gives the keys and values by which every layer of the decoder
attends to it. `decoder` takes these, one token, and the keys and values of the tokens before it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import nn
from transformers import DynamicCache, EncoderDecoderCache, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from chalicelib.contracts.model_manifest import TEMPLATE_FILE
from models.data.text import TOKENIZER
from models.networks.decoder import DECODER_GRAPH
from models.networks.tuned_decoder_export import HalfTable
from models.networks.tuned_sequence import TunedSequence
from models.training import seeds
from models.training.recipe_code import Constant, Graph

ENCODER_GRAPH = "encoder"
_STREAM = 2**31 + 11


class SourceReading(nn.Module):
    """Reads texts, as tokens [n, length]; returns keys and values [layers, n, heads, length, size].

    They are those of the decoder's attention to the text: its first step is traced for them, and
    what else it computes is left out of the graph.
    """

    def __init__(self, network: PreTrainedModel, start: int) -> None:
        """Read by the encoder of a network whose texts begin with the token `start`."""
        super().__init__()
        self.network = network
        self.start = start

    def forward(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the keys and the values."""
        states = self.network.get_encoder()(input_ids=tokens).last_hidden_state
        cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
        self.network(
            encoder_outputs=BaseModelOutput(states),
            decoder_input_ids=torch.full_like(tokens[:, :1], self.start),
            cache=cache,
            use_cache=True,
        )
        return _stacked(cache.cross_attention_cache)


class TargetWriting(nn.Module):
    """One decoding step with tensors as inputs and outputs only, for export."""

    def __init__(self, network: PreTrainedModel) -> None:
        """Write by the decoder of a network."""
        super().__init__()
        self.network = network

    def forward(
        self,
        tokens: torch.Tensor,
        past_keys: torch.Tensor,
        past_values: torch.Tensor,
        source_keys: torch.Tensor,
        source_values: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return logits [n, 1, vocabulary] after tokens [n, 1], and all tokens' keys and values."""
        own, source = DynamicCache(), DynamicCache()
        layers, count, past = past_keys.shape[0], tokens.shape[0], past_keys.shape[3]
        for layer in range(layers):
            own.update(past_keys[layer], past_values[layer], layer)
            source.update(source_keys[layer], source_values[layer], layer)
        cache = EncoderDecoderCache(own, source)
        cache.is_updated = dict.fromkeys(range(layers), True)  # the text is not read again
        width = self.network.config.d_model
        found = self.network(
            encoder_outputs=BaseModelOutput(torch.zeros(count, source_keys.shape[3], width)),
            decoder_input_ids=tokens,
            decoder_attention_mask=torch.zeros(count, 1, 1, past + 1),
            cache=cache,
            use_cache=True,
        )
        return found.logits, *_stacked(own)


def _stacked(cache: DynamicCache) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the keys and the values of a cache, [layers, n, heads, length, size] each."""
    keys, values = (
        [layer.keys for layer in cache.layers],
        [layer.values for layer in cache.layers],
    )
    return torch.stack(keys), torch.stack(values)


def sequence_graphs(model: TunedSequence) -> Mapping[str, Graph]:
    """Return the graph that reads a text and the one that writes, of the tuned weights."""
    network = model.merged()
    network.set_attn_implementation("eager")  # the exporter cannot take torch's own apart
    if model.settings.weight_bits < 32:
        halve_tables(network)
    reading = SourceReading(network, model.sizes.start).eval()
    writing = TargetWriting(network).eval()
    stream = seeds.generator(model.settings.seed, _STREAM)
    sizes, limits = model.sizes, model.settings

    def tokens(count: int, length: int) -> torch.Tensor:
        return torch.randint(sizes.vocabulary, (count, length), generator=stream)

    @torch.no_grad()
    def inputs(count: int, past: int, length: int) -> Sequence[torch.Tensor]:
        # Keys and values of a text: those of noise would be far from all that the layers ever see.
        source = reading(tokens(count, length))
        keys = torch.zeros(sizes.layers, count, sizes.heads, 0, sizes.head_size)
        values = keys
        for _ in range(past):
            _, keys, values = writing(tokens(count, 1), keys, values, *source)
        return [tokens(count, 1), keys, values, *source]

    past, length = {1: "count", 3: "past"}, {1: "count", 3: "length"}
    bits = limits.weight_bits
    return {
        ENCODER_GRAPH: Graph(
            reading,
            inputs=("tokens",),
            outputs=("keys", "values"),
            examples=[tokens(2, 5)],
            trial=[tokens(3, 11)],
            varying={"tokens": {0: "count", 1: "length"}},
            most={"length": limits.max_tokens},
            weight_bits=bits,
            relative=True,
        ),
        DECODER_GRAPH: Graph(
            writing,
            inputs=("tokens", "past_keys", "past_values", "source_keys", "source_values"),
            outputs=("logits", "keys", "values"),
            examples=inputs(2, 4, 6),
            trial=inputs(3, 7, 9),
            varying={
                "tokens": {0: "count"},
                **dict.fromkeys(("past_keys", "past_values"), past),
                **dict.fromkeys(("source_keys", "source_values"), length),
            },
            most={"past": limits.max_target_tokens, "length": limits.max_tokens},
            weight_bits=bits,
            relative=True,
        ),
    }


def halve_tables(network: PreTrainedModel) -> None:
    """Keep the tables of tokens in 16 bits, and give a head that is tied to them its own weights.

    The head's can then have 8 bits.
    """
    head = network.get_output_embeddings()
    own = nn.Linear(head.in_features, head.out_features, bias=head.bias is not None)
    own.load_state_dict(copy.deepcopy(head.state_dict()))
    network.set_output_embeddings(own.eval())
    for part in (network.get_encoder(), network.get_decoder()):
        table = part.get_input_embeddings()
        scale = float(getattr(table, "embed_scale", 1.0))  # BART's table multiplies what it gives
        part.set_input_embeddings(HalfTable(table.weight * scale))


def sequence_constants(model: TunedSequence) -> Mapping[str, Constant]:
    """Return the constants that a server needs to read and to write."""
    sizes, limits = model.sizes, model.settings
    return {
        "vocabulary": sizes.vocabulary,
        "layers": sizes.layers,
        "heads": sizes.heads,
        "head_size": sizes.head_size,
        "start": sizes.start,
        "end": model.tokenizer.end,
        "source_tokens": limits.max_tokens,
        "target_tokens": limits.max_target_tokens,
        "context": limits.max_tokens + limits.max_target_tokens,
        "way": limits.way,
        "base": model.base.record.name,
        **model.tokenizer.marks,
    }


def sequence_files(model: TunedSequence) -> Mapping[str, bytes]:
    """Return the tokenizer, and the template of what is read."""
    return {TOKENIZER: model.tokenizer.file, TEMPLATE_FILE: model.encoder.template.encode()}
