"""A diffusion base that is tuned: in its weights or by LoRA, and in words that are new to it.

LoRA: E. Hu et al., https://arxiv.org/abs/2106.09685, by peft. A word that is new gets a vector of
its own beside the base's: R. Gal et al., Textual Inversion, https://arxiv.org/abs/2208.01618.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Sequence

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn

from models.bases.folder import BaseModel
from models.networks.denoiser import schedule
from models.networks.diffusion_base import DiffusionBase, load_diffusion_base
from models.networks.prompt_readers import PromptReader, WordPrompts
from models.networks.settings import DiffusionTuningSettings

_ATTENTION = ["to_q", "to_k", "to_v", "to_out.0"]
_OF_TEXT = ["q_proj", "k_proj", "v_proj", "out_proj"]
_ADAPTER = "style"


class PromptedDenoiser(nn.Module):
    """A diffusion base with its reading of prompts."""

    def __init__(self, loaded: DiffusionBase) -> None:
        """Take the networks of a base."""
        super().__init__()
        self.loaded = loaded
        self.unet: nn.Module = loaded.unet
        self.text: nn.Module = loaded.text
        self.vae: nn.Module | None = loaded.vae
        self.prompts: PromptReader = loaded.prompts
        self.register_buffer("kept", loaded.chain.kept, persistent=False)

    def forward(
        self, image: torch.Tensor, step: torch.Tensor, tokens: torch.Tensor
    ) -> torch.Tensor:
        """Return what the base predicts, of latents [count, channels, side, side]."""
        read = self.text(input_ids=tokens).last_hidden_state
        found: torch.Tensor = self.unet(image, step, encoder_hidden_states=read).sample
        return found

    def errors(
        self, images: torch.Tensor, noise: torch.Tensor, step: torch.Tensor, tokens: torch.Tensor
    ) -> torch.Tensor:
        """Return the squared error of the prediction, a mean over what a picture has, [count]."""
        kept = self.kept[step]
        wanted = self.loaded.chain.wanted(images, noise, kept)
        seen = schedule.add_noise(images, noise, kept)
        return (self(seen, step, tokens) - wanted).square().flatten(1).mean(1)

    def encode(self, captions: Sequence[str]) -> torch.Tensor:
        """Return the tokens of captions, [count, length]. Raises BadData for a long one."""
        return torch.tensor([self.prompts.tokens(each) for each in captions], dtype=torch.long)

    @torch.no_grad()
    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Return the pictures of latents, -1 to 1."""
        if self.vae is None:
            return latents.clamp(-1, 1)
        found: torch.Tensor = self.vae.decode(latents / self.loaded.latent_scale).sample
        return found.clamp(-1, 1)

    @torch.no_grad()
    def latents(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the mean and the deviation of the latents of pictures, -1 to 1."""
        if self.vae is None:
            return pictures, torch.zeros_like(pictures)
        found = self.vae.encode(pictures).latent_dist
        return found.mean * self.loaded.latent_scale, found.std * self.loaded.latent_scale


class TunedDenoiser(PromptedDenoiser):
    """A base and what is tuned on it. What learns requires gradients from the start."""

    def __init__(
        self, base: BaseModel, settings: DiffusionTuningSettings, captions: Sequence[str]
    ) -> None:
        """Load the base and add what learns; words that are new are those of `captions`.

        Raises:
            BadData: the base cannot be loaded, or has too many words to learn.
        """
        super().__init__(load_diffusion_base(base))
        self.base = base
        self.settings = settings
        for part in (self.unet, self.text):
            part.requires_grad_(settings.way == "full")
        if settings.way == "lora":
            self.unet = _with_lora(self.unet, settings, _targets(self.unet, settings))
        if not settings.text_encoder:
            self.text.requires_grad_(False)
        elif settings.way == "lora":
            self.text = _with_lora(self.text, settings, _OF_TEXT)
        if isinstance(self.loaded.prompts, WordPrompts):
            self._learn_words(self.loaded.prompts, captions)

    def _learn_words(self, known: WordPrompts, captions: Sequence[str]) -> None:
        """Give each word of captions that is new a vector that learns.

        It begins as the mean of those of known words.
        """
        new = known.learned_words(captions, self.settings.new_words)
        if new:
            table = self.text.get_input_embeddings()
            self.text.set_input_embeddings(GrownEmbedding(table, len(new)))
            self.prompts = known.with_words(new)

    def plain(self) -> PromptedDenoiser:
        """Return the base as it is, which leaves out the words that it does not know."""
        return _frozen(PromptedDenoiser(load_diffusion_base(self.base)))

    def merged(self) -> PromptedDenoiser:
        """Return a copy in which LoRA's matrices are part of the weights."""
        made = copy.deepcopy(self)
        for part in (made.unet, made.text):
            for parent in [*part.modules()]:
                for name, child in [*parent.named_children()]:
                    if isinstance(child, BaseTunerLayer):
                        child.merge()
                        setattr(parent, name, child.get_base_layer())
        return _frozen(made)


class GrownEmbedding(nn.Module):
    """A table of vectors with further ones that learn, by the next numbers."""

    def __init__(self, table: nn.Embedding, more: int) -> None:
        """Begin each further vector as the mean of the table, with the padding's left out."""
        super().__init__()
        self.table = table
        mean = table.weight[1:].detach().mean(0)
        self.more = nn.Parameter(mean.repeat(more, 1))

    def no_weight_decay(self) -> Collection[str]:
        """Return the names of weights that are inputs: the further vectors."""
        return ("more",)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the vectors of tokens."""
        return nn.functional.embedding(tokens, torch.cat([self.table.weight, self.more]))


def _frozen(network: PromptedDenoiser) -> PromptedDenoiser:
    network.eval().requires_grad_(False)
    return network


def _targets(unet: nn.Module, settings: DiffusionTuningSettings) -> list[str]:
    if settings.adapted == "attention":
        return _ATTENTION
    kinds = (nn.Linear, nn.Conv2d)
    return [name for name, each in unet.named_modules() if isinstance(each, kinds)]


def _with_lora(part: nn.Module, settings: DiffusionTuningSettings, targets: list[str]) -> nn.Module:
    config = LoraConfig(r=settings.rank, lora_alpha=settings.scale, target_modules=targets)
    found: nn.Module = inject_adapter_in_model(config, part, adapter_name=_ADAPTER)
    return found
