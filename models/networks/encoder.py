"""Encoders that are tuned from a base model: BERT, MiniLM, ModernBERT and their like.

The weights that learn require gradients from the start, and nothing else is kept of a training.
LoRA: E. Hu et al., https://arxiv.org/abs/2106.09685; gradual unfreezing: J. Howard and S. Ruder,
https://arxiv.org/abs/1801.06146.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from peft import PeftModel
from torch import nn
from torch.nn import functional
from transformers import AutoModel
from transformers.utils import logging

from models.bases.architectures import architecture_of
from models.bases.folder import BaseModel
from models.data.token_rows import TextEncoder, TokenRows, read_text_encoder
from models.failures import BadData
from models.networks.lora import with_lora
from models.networks.settings import EncoderSettings, Pooling

_ROWS = 32
"""Texts that are read at once where nothing is learned."""
_POOLER = "pooler"


class Encoder(nn.Module):
    """The layers of a base model, which give a vector for each token."""

    def __init__(self, base: BaseModel, settings: EncoderSettings) -> None:
        """Load the base and prepare it for the way of tuning.

        Raises:
            BadData: the base is no encoder, its weights do not fit its config, or it reads fewer
                tokens than `max_tokens`.
        """
        super().__init__()
        self.settings = settings
        plain = load_encoder(base)
        _require_positions(plain, settings)
        self.body = _wrapped(plain, settings)

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return a vector for each token, [n, length, width], of tokens and a mask [n, length]."""
        found: torch.Tensor = self.body(input_ids=tokens, attention_mask=mask).last_hidden_state
        return found

    @property
    def plain(self) -> nn.Module:
        """Return the transformer, with peft's layers in it."""
        if isinstance(self.body, PeftModel):
            found: nn.Module = self.body.get_base_model()
            return found
        return self.body

    @property
    def pad(self) -> int:
        """Return the token that fills rows."""
        return pad_token(self.plain.config.to_dict())

    @property
    def width(self) -> int:
        """Return the dimensions of a token's vector."""
        return int(self.plain.config.hidden_size)

    @property
    def positions(self) -> int | None:
        """Return the most tokens that the base reads, None if its config does not say."""
        return _positions(self.plain)

    def layers(self) -> Sequence[nn.Module]:
        """Return what gradual unfreezing thaws, the embeddings first, in the order of reading."""
        children = dict(self.plain.named_modules())
        stacks = [each for each in children.values() if isinstance(each, nn.ModuleList)]
        layers = max(stacks, key=len)
        return [self.plain.get_input_embeddings(), *layers]

    def thaw(self, number: int, steps: int) -> None:
        """Unfreeze the layers that learn in step `number` of `steps`: the last first.

        All learn after a third. Only the way `gradual` freezes any.
        """
        if self.settings.way != "gradual":
            return
        layers = self.layers()
        awake = min(len(layers), 3 * len(layers) * (number - 1) // steps)
        asleep = len(layers) - awake
        self.plain.requires_grad_(asleep == 0)
        for layer in layers[asleep:]:
            layer.requires_grad_(True)

    def merge(self) -> None:
        """Merge the adapters into the layers, for good."""
        if isinstance(self.body, PeftModel):
            self.body = self.body.merge_and_unload()


N = TypeVar("N", "EncoderClassifier", "SentenceEncoder")


def merged(network: N) -> N:
    """Return a copy of a network in evaluation mode, with the adapters merged into its layers."""
    found = copy.deepcopy(network)
    found.encoder.merge()
    found.eval()
    return found


def load_encoder(base: BaseModel) -> nn.Module:
    """Return the transformer of a base, fp32, without a pooler.

    Raises:
        BadData: the base is no encoder, or its weights do not fit its config.
    """
    architecture_of(base.config, base.record.name, "encoder")
    try:
        with quiet_transformers():
            found, told = AutoModel.from_pretrained(
                base.folder,
                dtype=torch.float32,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                output_loading_info=True,
            )
    except (OSError, ValueError, RuntimeError) as error:
        raise BadData(f"The base {base.record.name} cannot be loaded: {error}") from error
    if missing := [name for name in sorted(told["missing_keys"]) if _POOLER not in name]:
        raise BadData(
            f"The base {base.record.name} has no weights {missing[0]}, and {len(missing) - 1} more "
            "are missing: they are not those of its config.json. Fetch the base again."
        )
    if hasattr(found, _POOLER):
        found.pooler = None  # nothing reads it, and weights that nothing learns would be kept
    module: nn.Module = found
    return module


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep the progress of loading, and the report of missing poolers, out of the job's log."""
    before, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()


def pad_token(config: Mapping[str, Any]) -> int:
    """Return the token that fills rows, by a base's config; 0 if it names none."""
    return int(config.get("pad_token_id") or 0)


def text_encoder(base: BaseModel, settings: EncoderSettings) -> TextEncoder:
    """Return the tokenizer of a base. Raises BadData."""
    vocabulary = int(base.config.get("vocab_size", 0))
    return read_text_encoder(base.folder, vocabulary, pad_token(base.config), settings.max_tokens)


def pooled(vectors: torch.Tensor, mask: torch.Tensor, pooling: Pooling) -> torch.Tensor:
    """Return a vector for each text, [n, width], of those of its tokens."""
    if pooling == "first":
        return vectors[:, 0]
    there = mask.unsqueeze(2).to(vectors.dtype)
    return (vectors * there).sum(1) / there.sum(1).clamp(min=1)


class EncoderClassifier(nn.Module):
    """Logits of classes, of a text as a whole or of each of its tokens.

    `temperature` divides logits before the softmax; evaluation fits it on validation rows.
    """

    def __init__(
        self,
        encoder: Encoder,
        labels: Sequence[str],
        base: BaseModel,
        *,
        each_token: bool = False,
    ) -> None:
        """Put a head on an encoder; its weights are drawn from torch's global stream."""
        super().__init__()
        self.encoder = encoder
        self.labels = tuple(labels)
        self.base = base
        self.each_token = each_token
        self.temperature = 1.0
        self.dropout = nn.Dropout(encoder.settings.dropout)
        self.head = nn.Linear(encoder.width, len(labels))

    def features(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return what the head reads: [n, width], or [n, length, width] for `each_token`."""
        vectors = self.encoder(tokens, mask)
        if self.each_token:
            return vectors
        return pooled(vectors, mask, self.encoder.settings.pooling)

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return logits, [n, classes] or [n, length, classes]."""
        return self.classes(self.features(tokens, mask))

    def classes(self, features: torch.Tensor) -> torch.Tensor:
        """Return the logits of features."""
        found: torch.Tensor = self.head(self.dropout(features))
        return found


class HeadFeatures(nn.Module):
    """What the head of a classifier reads, as a network."""

    def __init__(self, network: EncoderClassifier) -> None:
        """Read by the encoder of `network`."""
        super().__init__()
        self._network = network

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the features of texts."""
        return self._network.features(tokens, mask)


class SentenceEncoder(nn.Module):
    """Vectors of length 1 of texts, [n, width]."""

    def __init__(self, encoder: Encoder, base: BaseModel) -> None:
        """Pool an encoder."""
        super().__init__()
        self.encoder = encoder
        self.base = base

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the vectors of texts."""
        found = pooled(self.encoder(tokens, mask), mask, self.encoder.settings.pooling)
        return functional.normalize(found, dim=1)


@torch.no_grad()
def run_sorted(network: nn.Module, rows: TokenRows) -> list[torch.Tensor]:
    """Return what a network says of each text, on the CPU, in the order of `rows`.

    Texts of a like length are read together, so that little is padding.
    """
    device = next(network.parameters()).device
    order = sorted(range(len(rows)), key=lambda row: -rows.sizes[row])
    told: dict[int, torch.Tensor] = {}
    for first in range(0, len(order), _ROWS):
        chosen = order[first : first + _ROWS]
        tokens, mask = rows.padded(chosen)
        given = network(tokens.to(device), mask.to(device)).float().cpu()
        told |= dict(zip(chosen, given, strict=True))
    return [told[row] for row in range(len(rows))]


def _wrapped(plain: nn.Module, settings: EncoderSettings) -> nn.Module:
    if settings.way == "head":
        return plain.requires_grad_(False)
    if settings.way != "lora":
        return plain
    return with_lora(plain, settings)


def _require_positions(plain: nn.Module, settings: EncoderSettings) -> None:
    reads = _positions(plain)
    if reads is not None and settings.max_tokens > reads:
        raise BadData(
            f"max_tokens is {settings.max_tokens}, and the base reads {reads} tokens at most; set "
            f"max_tokens to {reads}."
        )


def _positions(plain: nn.Module) -> int | None:
    found = getattr(plain.config, "max_position_embeddings", None)
    return None if found is None else int(found)
