"""A decoder under adaptation beside its base: by all weights, or by peft's adapters.

The export is merged into a decoder with the graph of the base. LoRA: E. Hu et al.,
https://arxiv.org/abs/2106.09685; (IA)^3: H. Liu et al., https://arxiv.org/abs/2205.05638; prompt
tuning: B. Lester et al., https://arxiv.org/abs/2104.08691.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping

import torch
from peft import PeftModel, PromptEmbedding
from torch import nn
from transformers import LlamaForCausalLM

from models.data.text import TOKENIZER
from models.failures import BadData
from models.networks.decoder import decoder, logits
from models.networks.settings import DecoderSettings
from models.training.artefacts import TrainedModel

_OF_PEFT = (".lora_", ".ia3_")
_WRAPPED = ".base_layer"


class AdaptedDecoder(nn.Module):
    """A decoder that is tuned, and its frozen base for comparison."""

    def __init__(
        self, settings: DecoderSettings, wrap: Callable[[LlamaForCausalLM], nn.Module]
    ) -> None:
        """Make both decoders; `wrap` freezes weights and inserts adapters."""
        super().__init__()
        self.settings = settings
        self.base = decoder(settings).requires_grad_(False)
        self.tuned = wrap(decoder(settings))
        self._tokenizer: bytes | None = None

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return logits of the token after each of tokens [n, length], [n, length, vocabulary]."""
        return logits(self.tuned, tokens)[:, -tokens.shape[1] :]

    @property
    def inner(self) -> nn.Module:
        """Return the decoder inside `tuned`, with peft's layers in it."""
        if isinstance(self.tuned, PeftModel):
            found: nn.Module = self.tuned.get_base_model()
            return found
        return self.tuned

    def begin(self, trained: TrainedModel) -> None:
        """Load the weights of a language model into both decoders.

        Raises:
            BadData: the sizes differ.
            RuntimeError: names or shapes of weights differ.
        """
        _require_same_sizes(self.settings, trained.training.settings)
        self.base.load_state_dict(dict(trained.weights))
        of_base = {
            name: trained.weights[name.replace(_WRAPPED, "")]
            for name in self.inner.state_dict()
            if not any(mark in name for mark in _OF_PEFT)
        }
        self.inner.load_state_dict(of_base, strict=False)
        for prompt in self._prompts():
            table = trained.weights["model.embed_tokens.weight"]
            chosen = torch.randint(len(table), (len(prompt.embedding.weight),))
            prompt.embedding.weight.data.copy_(table[chosen])
        self._tokenizer = (trained.folder / TOKENIZER).read_bytes()

    def require(self, tokenizer: bytes) -> None:
        """Raise BadData unless this is the tokenizer of the base."""
        if self._tokenizer is not None and self._tokenizer != tokenizer:
            raise BadData(
                f"The channel's {TOKENIZER} is not that of the language model that is adapted, so "
                "that tokens would mean something else; prepare the channel by that model's own."
            )

    def merged(self) -> LlamaForCausalLM:
        """Return a plain decoder with the adapters merged; prompt vectors become last tokens."""
        if not isinstance(self.tuned, PeftModel):
            return self.tuned
        prompts = self._prompts()
        if not prompts:
            return copy.deepcopy(self.tuned).merge_and_unload()
        plain = copy.deepcopy(self.inner)
        table = torch.cat([plain.get_input_embeddings().weight, prompts[0].embedding.weight])
        plain.set_input_embeddings(nn.Embedding.from_pretrained(table.detach()))
        return plain

    def trainable_share(self) -> float:
        """Return the trained share of the parameters of a merged decoder."""
        learned = sum(each.numel() for each in self.tuned.parameters() if each.requires_grad)
        return float(learned / sum(each.numel() for each in self.base.parameters()))

    def _prompts(self) -> list[PromptEmbedding]:
        return [each for each in self.tuned.modules() if isinstance(each, PromptEmbedding)]


def _require_same_sizes(settings: DecoderSettings, of_base: Mapping[str, object]) -> None:
    for name in ("vocabulary", "width", "inner", "layers", "heads", "context"):
        own = getattr(settings, name)
        if own != of_base.get(name):
            raise BadData(
                f"{name}: is {own}, and the language model was trained with {of_base.get(name)}; "
                f"set {name} to that."
            )
