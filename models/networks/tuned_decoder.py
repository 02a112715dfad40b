"""A decoder of a base model that is tuned: in its weights, by LoRA, or by a prompt or prefix.

LoRA: E. Hu et al., https://arxiv.org/abs/2106.09685, by peft. Prompt tuning: B. Lester et al.,
https://arxiv.org/abs/2104.08691. Prefix tuning: X. Li and P. Liang,
https://arxiv.org/abs/2101.00190. Gradual unfreezing: J. Howard and S. Ruder,
https://arxiv.org/abs/1801.06146. The last three are a few lines here: peft's own compute the logits
of every token, and those of the answers are enough.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import torch
from peft import PeftModel
from torch import nn
from torch.utils.checkpoint import checkpoint
from transformers import DynamicCache, PreTrainedModel

from models.bases.folder import BaseModel
from models.networks.base_decoder import (
    BaseTokenizer,
    DecoderSizes,
    load_decoder,
    read_base_tokenizer,
)
from models.networks.chat_tokens import ChatRows
from models.networks.lora import with_lora
from models.networks.quantised_layers import quantise_frozen
from models.networks.settings import LORA_WAYS, PREFIX_WAYS, TuningSettings

_LOGITS_AT_ONCE = 50_000_000
"""Logits that are in memory at once where rows are judged: 200 MB, and their softmax as much."""


class TunedDecoder(nn.Module):
    """A base decoder and what is tuned on it. What learns requires gradients from the start."""

    def __init__(self, base: BaseModel, settings: TuningSettings) -> None:
        """Load the base and add what the way of tuning learns.

        Raises:
            BadData: the base cannot be loaded, or is of another architecture.
        """
        super().__init__()
        self.base = base
        self.settings = settings
        self.sizes = DecoderSizes.of(base)
        self.tokenizer: BaseTokenizer = read_base_tokenizer(base)
        plain = load_decoder(base)
        self.inner: nn.Module = _body(plain, settings)
        if settings.embeddings:
            plain.get_input_embeddings().requires_grad_(True)
        self.prefix: nn.Parameter | None = None
        if settings.way in PREFIX_WAYS:
            plain.requires_grad_(False)
            first = _drawn_tokens(self.sizes.vocabulary, settings)
            made = plain.get_input_embeddings()(first)[0]
            if settings.way == "prefix_tuning":
                made = _cache_tensor(_cache_of(plain, first))
            self.prefix = nn.Parameter(made.detach().clone())

    def no_weight_decay(self) -> Collection[str]:
        """Return the names of weights that are inputs: the soft prompt or prefix."""
        return ("prefix",)

    @property
    def decoder(self) -> PreTrainedModel:
        """Return the decoder of the base, with peft's layers in it if it has any."""
        found = self.inner.get_base_model() if isinstance(self.inner, PeftModel) else self.inner
        assert isinstance(found, PreTrainedModel)
        return found

    @property
    def in_weights(self) -> bool:
        """Return whether weights of the base itself learn, so that a graph of its own serves it."""
        return self.settings.way in ("full", "gradual") or self.settings.embeddings

    def merged_decoder(self) -> PreTrainedModel:
        """Return a copy of the decoder with what was tuned, LoRA's matrices in its weights."""
        found = copy.deepcopy(self.inner)
        merged = found.merge_and_unload() if isinstance(found, PeftModel) else found
        assert isinstance(merged, PreTrainedModel)
        return merged

    @property
    def context(self) -> int:
        """Return the most tokens that the model is served with, its prefix included."""
        return min(self.settings.context, self.sizes.context)

    def prepare_training(self, device: torch.device) -> None:
        """Put the frozen layers into 4 bits for the way qlora. Raises BadRecipe."""
        if self.settings.way == "qlora":
            quantise_frozen(self.inner, device)

    def shard_units(self) -> Sequence[nn.Module]:
        """Return the layers, which processes may share."""
        return [*self.decoder.base_model.layers]

    def prefix_length(self) -> int:
        """Return how many positions stand before every prompt."""
        return self.settings.prefix if self.prefix is not None else 0

    def start(self, count: int) -> DynamicCache:
        """Return the cache of `count` rows of what stands before every prompt."""
        cache = DynamicCache()
        if self.prefix is None:
            return cache
        tensor = self.prefix
        if self.settings.way == "prompt_tuning":
            tensor = _cache_tensor(_cache_of(self.decoder, None, self.prefix[None]))
        for layer, (keys, values) in enumerate(tensor):
            cache.update(
                keys[None].expand(count, -1, -1, -1), values[None].expand(count, -1, -1, -1), layer
            )
        return cache

    def hidden(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the last layer's vectors, [n, length, width], of tokens [n, length]."""
        model, length = self.decoder.base_model, tokens.shape[1]
        if self.prefix is None:
            found = model(input_ids=tokens, use_cache=False)
        elif self.settings.way == "prompt_tuning":
            before = self.prefix[None].expand(len(tokens), -1, -1)
            read = torch.cat([before, model.get_input_embeddings()(tokens)], dim=1)
            found = model(inputs_embeds=read, use_cache=False)
        else:
            found = model(input_ids=tokens, cache=self.start(len(tokens)), use_cache=True)
        vectors: torch.Tensor = found.last_hidden_state[:, -length:]
        return vectors

    def forward(self, tokens: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """Return -log p of the token after each place, in nats, [n, k].

        The head is a large part of a small model, so that it is not applied elsewhere. Of many
        places it is applied in pieces, which are computed again in the backward pass: logits of a
        batch would be gigabytes.
        """
        found = self.hidden(tokens)
        width = found.shape[2]
        chosen = found.gather(1, places[:, :, None].expand(-1, -1, width)).flatten(0, 1)
        wanted = tokens.gather(1, (places + 1).clamp(max=tokens.shape[1] - 1)).flatten()
        head, size = self.decoder.get_output_embeddings(), self.settings.logits_at_once
        if len(chosen) <= size:
            losses = _losses(head, chosen, wanted)
        else:
            pieces = zip(chosen.split(size), wanted.split(size), strict=True)
            losses = torch.cat(
                [checkpoint(_losses, head, *each, use_reentrant=False) for each in pieces]
            )
        # FSDP hangs a hook on what comes out, which it would lose if that were a view.
        return losses.view_as(places).clone()

    @contextmanager
    def plain(self) -> Iterator[TunedDecoder]:
        """Provide the base itself, without what was tuned, while the block runs."""
        if self.in_weights:
            fresh = copy.copy(self)
            fresh._modules = dict(self._modules)
            fresh.inner = load_decoder(self.base).eval()
            yield fresh
            return
        before, self.prefix = self.prefix, None
        try:
            if isinstance(self.inner, PeftModel):
                with self.inner.disable_adapter():
                    yield self
            else:
                yield self
        finally:
            self.prefix = before

    def thaw(self, number: int) -> None:
        """Unfreeze the layers that learn in step `number`: the last first, all after a quarter."""
        if self.settings.way != "gradual":
            return
        layers = [*self.decoder.base_model.layers]
        awake = min(len(layers), 1 + 4 * len(layers) * (number - 1) // self.settings.steps)
        asleep = len(layers) - awake
        for place, layer in enumerate(layers):
            layer.requires_grad_(place >= asleep)
        self.decoder.get_input_embeddings().requires_grad_(asleep == 0)


def _body(plain: PreTrainedModel, settings: TuningSettings) -> nn.Module:
    """Return a decoder, with LoRA in it if that is the way of tuning."""
    if settings.way not in LORA_WAYS:
        return plain
    return with_lora(plain, settings, dropout=settings.dropout, task="CAUSAL_LM")


def _drawn_tokens(vocabulary: int, settings: TuningSettings) -> torch.Tensor:
    """Return tokens whose vectors a prompt or prefix begins from, [1, prefix]."""
    return torch.randint(vocabulary, (1, settings.prefix))


def _cache_of(
    network: PreTrainedModel, tokens: torch.Tensor | None, vectors: torch.Tensor | None = None
) -> DynamicCache:
    cache = DynamicCache()
    network.base_model(input_ids=tokens, inputs_embeds=vectors, cache=cache, use_cache=True)
    return cache


def _cache_tensor(cache: DynamicCache) -> torch.Tensor:
    """Return keys and values of one row, [layers, 2, heads, length, head_size]."""
    return torch.stack([torch.stack([layer.keys[0], layer.values[0]]) for layer in cache.layers])


@torch.no_grad()
def answer_losses(model: TunedDecoder, rows: ChatRows) -> tuple[torch.Tensor, torch.Tensor]:
    """Return -log p of each row's learned tokens in all, in nats, and their number, [n] each."""
    sums = []
    for chosen in judged_together(model, rows):
        tokens, places = rows.tokens[chosen], rows.places[chosen]
        sums.append((model(tokens, places) * rows.weights[chosen]).sum(dim=1))
    return torch.cat(sums), rows.weights.sum(dim=1)


def judged_together(model: TunedDecoder, rows: ChatRows) -> Sequence[torch.Tensor]:
    """Return the numbers of rows in parts whose logits are in memory together."""
    of_row = rows.places.shape[1] * model.sizes.vocabulary
    found: Sequence[torch.Tensor] = torch.arange(len(rows.tokens)).split(
        max(1, _LOGITS_AT_ONCE // of_row)
    )
    return found


def trainable_share(network: TunedDecoder) -> float:
    """Return how much is learned as a share of the base's weights."""
    learned = sum(each.numel() for each in network.parameters() if each.requires_grad)
    return float(learned / sum(each.numel() for each in network.decoder.parameters()))


def _losses(head: nn.Module, vectors: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Return -log p of a token for each vector, [n]."""
    return nn.functional.cross_entropy(head(vectors).float(), wanted, reduction="none")
