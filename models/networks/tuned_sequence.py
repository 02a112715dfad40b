"""An encoder-decoder of a base model that is tuned: T5 or BART, as a whole or by LoRA.

C. Raffel et al., https://arxiv.org/abs/1910.10683; M. Lewis et al.,
https://arxiv.org/abs/1910.13461. LoRA: E. Hu et al., https://arxiv.org/abs/2106.09685, by peft.
Gradual unfreezing: J. Howard and S. Ruder, https://arxiv.org/abs/1801.06146.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from peft import PeftModel
from torch import nn
from transformers import AutoModelForSeq2SeqLM, DynamicCache, EncoderDecoderCache, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from models.bases.architectures import architecture_of
from models.bases.folder import BaseModel
from models.failures import BadData
from models.networks.base_decoder import load_weights, read_base_tokenizer
from models.networks.lora import with_lora
from models.networks.sequence_tokens import NO_TOKEN, SequenceEncoder, SequenceRows, SequenceTokens
from models.networks.settings import SequenceSettings

_AT_ONCE = 64
"""Rows that are judged together."""
_QUARTER = 4


@dataclass(frozen=True, slots=True)
class SequenceSizes:
    """The sizes of an encoder-decoder that its cache depends on, and the token it begins with.

    `positions` is the most tokens of either text, of a base that learned a vector for each place.
    """

    vocabulary: int
    layers: int
    heads: int
    head_size: int
    start: int
    positions: int | None

    @classmethod
    def of(cls, base: BaseModel) -> SequenceSizes:
        """Read the sizes of a base. Raises BadData if it can't be tuned."""
        config = base.config
        found = architecture_of(config, base.record.name, "encoder_decoder")
        learned = found.model_type == "bart"
        try:
            heads = int(config["decoder_attention_heads" if learned else "num_heads"])
            size = int(config["d_model"]) // heads if learned else int(config["d_kv"])
            layers = config["decoder_layers"] if learned else _decoder_layers(config)
            return cls(
                vocabulary=int(config["vocab_size"]),
                layers=int(layers),
                heads=heads,
                head_size=size,
                start=int(config["decoder_start_token_id"]),
                positions=int(config["max_position_embeddings"]) if learned else None,
            )
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise BadData(
                f"config.json of {base.record.name} lacks a size: {error!r}. Fetch the base again."
            ) from error


def _decoder_layers(config: Mapping[str, Any]) -> int:
    return int(config.get("num_decoder_layers") or config["num_layers"])


class TunedSequence(nn.Module):
    """An encoder-decoder and what is tuned on it. What learns requires gradients from the start."""

    def __init__(self, base: BaseModel, settings: SequenceSettings) -> None:
        """Load the base and add what the way of tuning learns.

        Raises:
            BadData: the base cannot be loaded, is of another architecture, or reads fewer tokens
                than the settings ask for.
        """
        super().__init__()
        self.base = base
        self.settings = settings
        self.sizes = SequenceSizes.of(base)
        self.tokenizer = read_base_tokenizer(base)
        self.encoder = SequenceEncoder(self.tokenizer)
        require_positions(self.sizes, settings, base.record.name)
        plain = load_weights(base, AutoModelForSeq2SeqLM)
        self.inner: nn.Module = plain
        if settings.way == "lora":
            self.inner = with_lora(plain, settings, task="SEQ_2_SEQ_LM")

    @property
    def network(self) -> PreTrainedModel:
        """Return the network of the base, with peft's layers in it if it has any."""
        found = self.inner.get_base_model() if isinstance(self.inner, PeftModel) else self.inner
        assert isinstance(found, PreTrainedModel)
        return found

    def forward(self, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the logits of each target token after those before it, [n, k, vocabulary].

        `source` and `target` are [n, length], with NO_TOKEN where a row has none.
        """
        before = target[:, :-1].clamp(min=0)
        start = torch.full_like(target[:, :1], self.sizes.start)
        found = self.network(
            input_ids=source.clamp(min=0),
            attention_mask=(source != NO_TOKEN).long(),
            decoder_input_ids=torch.cat([start, before], dim=1),
            use_cache=False,
        )
        logits: torch.Tensor = found.logits
        return logits

    @contextmanager
    def plain(self) -> Iterator[TunedSequence]:
        """Provide the base itself, without what was tuned, while the block runs."""
        if isinstance(self.inner, PeftModel):
            with self.inner.disable_adapter():
                yield self
            return
        fresh = copy.copy(self)
        fresh._modules = dict(self._modules)
        fresh.inner = load_weights(self.base, AutoModelForSeq2SeqLM).eval()
        yield fresh

    def thaw(self, number: int) -> None:
        """Unfreeze the layers that learn in step `number`: the last first, all after a quarter."""
        if self.settings.way != "gradual":
            return
        network = self.network
        layers = [*_layers(network.get_encoder()), *_layers(network.get_decoder())]
        awake = min(len(layers), 1 + _QUARTER * len(layers) * (number - 1) // self.settings.steps)
        asleep = len(layers) - awake
        network.requires_grad_(asleep == 0)
        for layer in layers[asleep:]:
            layer.requires_grad_(True)

    def merged(self) -> PreTrainedModel:
        """Return a copy of the network in evaluation mode, with the adapters in its weights."""
        found = copy.deepcopy(self.inner)
        plain = found.merge_and_unload() if isinstance(found, PeftModel) else found
        assert isinstance(plain, PreTrainedModel)
        return plain.eval()


def require_positions(sizes: SequenceSizes, settings: SequenceSettings, base: str) -> None:
    """Raise BadData if a base, of the name `base`, has places for fewer tokens than are asked."""
    most = sizes.positions
    for name in ("max_tokens", "max_target_tokens"):
        asked = getattr(settings, name)
        if most is not None and asked > most:
            raise BadData(
                f"{name} is {asked}, and {base} has places for {most} tokens; set {name} to {most} "
                "at most."
            )


def _layers(stack: nn.Module) -> Sequence[nn.Module]:
    """Return the layers of an encoder or a decoder, in the order of reading."""
    return list(next(each for each in stack.children() if isinstance(each, nn.ModuleList)))


@torch.no_grad()
def generate_texts(model: TunedSequence, rows: Sequence[SequenceTokens], most: int) -> list[str]:
    """Return the likeliest text for each row's source, of `most` tokens at most.

    Rows of a like length are read together.
    """
    order = sorted(range(len(rows)), key=lambda row: len(rows[row].source))
    found = [""] * len(rows)
    for first in range(0, len(order), _AT_ONCE):
        chosen = order[first : first + _AT_ONCE]
        written = _generate(SequenceRows([rows[row] for row in chosen]).source, model, most)
        for row, tokens in zip(chosen, written, strict=True):
            end = model.tokenizer.end
            kept = tokens[: tokens.index(end)] if end in tokens else tokens
            found[row] = model.encoder.text(kept)
    return found


def _generate(source: torch.Tensor, model: TunedSequence, most: int) -> list[list[int]]:
    network, mask = model.network, (source != NO_TOKEN).long()
    states = network.get_encoder()(input_ids=source.clamp(min=0), attention_mask=mask)
    cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
    end = model.tokenizer.end
    given = torch.full((len(source), 1), model.sizes.start)
    ended = torch.zeros(len(source), dtype=torch.bool)
    written = []
    for _ in range(most):
        told = network(
            encoder_outputs=BaseModelOutput(states.last_hidden_state),
            attention_mask=mask,
            decoder_input_ids=given,
            cache=cache,
            use_cache=True,
        )
        chosen = torch.where(ended, end, told.logits[:, -1].argmax(dim=1))
        written.append(chosen)
        ended = ended | (chosen == end)
        if bool(ended.all()):
            break
        given = chosen[:, None]
    rows: list[list[int]] = torch.stack(written, dim=1).tolist()
    return rows


@torch.no_grad()
def target_losses(
    model: TunedSequence, rows: Sequence[SequenceTokens]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return -log p of each row's target in all, in nats, and its tokens, [n] each."""
    sums, counts = [], []
    for first in range(0, len(rows), _AT_ONCE):
        laid = SequenceRows(rows[first : first + _AT_ONCE])
        each = nn.functional.cross_entropy(
            model(laid.source, laid.target).float().transpose(1, 2),
            laid.target,
            ignore_index=NO_TOKEN,
            reduction="none",
        )
        sums.append(each.sum(dim=1))
        counts.append((laid.target != NO_TOKEN).sum(dim=1))
    return torch.cat(sums), torch.cat(counts)
