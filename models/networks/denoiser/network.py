"""The denoiser: CLIP's text tower and a UNet that attends to it, and its training rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from diffusers import UNet2DConditionModel
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from transformers import CLIPTextConfig, CLIPTextModel

from chalicelib.inference.vocabulary import VOCABULARY_FILE
from models.data.captions import CaptionedImages
from models.networks.settings import DENOISER_GROUPS, DenoiserSettings

_HEADS = 4
_DRAWING = "average.module."


class Denoiser(nn.Module):
    """Predicts the velocity in noisy pictures from their step and their prompt."""

    def __init__(self, settings: DenoiserSettings) -> None:
        """Make the layers; weights are drawn from torch's global stream."""
        super().__init__()
        self.text = CLIPTextModel(_text(settings))
        self.unet = UNet2DConditionModel(
            sample_size=settings.side,
            in_channels=settings.channels,
            out_channels=settings.channels,
            layers_per_block=1,
            block_out_channels=(settings.width, 2 * settings.width),
            norm_num_groups=DENOISER_GROUPS,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            mid_block_type="UNetMidBlock2DCrossAttn",
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=settings.text_width,
            attention_head_dim=_HEADS,
        )

    def forward(
        self, image: torch.Tensor, step: torch.Tensor, tokens: torch.Tensor
    ) -> torch.Tensor:
        """Return velocities, as `image`, [count, channels, side, side].

        `step` is [count] and `tokens` [count, prompt_tokens], 0 where there is no word.
        """
        read = self.text(input_ids=tokens).last_hidden_state
        found: torch.Tensor = self.unet(image, step, encoder_hidden_states=read).sample
        return found


class AveragedDenoiser(nn.Module):
    """A denoiser in training, and the moving average of its weights, which draws.

    J. Ho et al., section 4. `average` is never trained itself.
    """

    def __init__(self, settings: DenoiserSettings) -> None:
        """Make both; the average begins as a copy."""
        super().__init__()
        self.noise_steps = settings.noise_steps
        self.live = Denoiser(settings)
        self.average = AveragedModel(
            self.live, multi_avg_fn=get_ema_multi_avg_fn(settings.average)
        ).requires_grad_(False)

    def forward(
        self, image: torch.Tensor, step: torch.Tensor, tokens: torch.Tensor
    ) -> torch.Tensor:
        """Return the prediction of the network in training."""
        found: torch.Tensor = self.live(image, step, tokens)
        return found

    def follow(self, _step: int) -> None:
        """Update the average after a step."""
        self.average.update_parameters(self.live)

    def start_from(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Load the averaged weights of another network of this kind from its state.

        Raises RuntimeError where their shapes are others.
        """
        theirs = {
            name.removeprefix(_DRAWING): each
            for name, each in weights.items()
            if name.startswith(_DRAWING)
        }
        self.live.load_state_dict(theirs)
        self.drawing.load_state_dict(theirs)

    @property
    def drawing(self) -> Denoiser:
        """The network that draws."""
        found: Denoiser = self.average.module
        return found


def _text(settings: DenoiserSettings) -> CLIPTextConfig:
    """Return one layer of CLIP's text tower. Token 0 pads; the pooled output is unused."""
    return CLIPTextConfig(
        vocab_size=settings.words + 1,
        hidden_size=settings.text_width,
        intermediate_size=2 * settings.text_width,
        num_hidden_layers=1,
        num_attention_heads=_HEADS,
        max_position_embeddings=settings.prompt_tokens,
        projection_dim=settings.text_width,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=0,
    )


def caption_rows(data: CaptionedImages, settings: DenoiserSettings) -> Sequence[torch.Tensor]:
    """Return the training pictures, the tokens of their captions, and caption counts.

    Shapes: [n, channels, side, side], [n, captions, prompt_tokens] and [n].

    Raises:
        BadData: sizes or words are not those of the settings, or a caption is too long.
    """
    data.require(settings.side, settings.channels, settings.words)
    tokens, counts = data.tokens("train", settings.prompt_tokens)
    return [torch.from_numpy(each) for each in (data.images.train.scaled(), tokens, counts)]


def draw_captions(captions: torch.Tensor, counts: torch.Tensor, drop: float) -> torch.Tensor:
    """Return the tokens of a random caption of each picture, [n, prompt_tokens].

    They are all 0 for a share `drop` of the pictures.
    """
    device = counts.device
    chosen = (torch.rand(len(counts)).to(device) * counts).long()
    tokens = captions[torch.arange(len(counts), device=device), chosen]
    dropped = torch.rand(len(counts)).to(device) < drop
    return tokens.masked_fill(dropped[:, None], 0)


def vocabulary_files(data: CaptionedImages, _settings: DenoiserSettings) -> Mapping[str, bytes]:
    """Return the vocabulary file, which maps the words of prompts to tokens."""
    return {VOCABULARY_FILE: data.vocabulary.content()}
