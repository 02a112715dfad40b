"""A diffusion base: its network, its noise, its reading of prompts, and its pictures.

Of a pipeline as diffusers saves it (models/bases/pipelines.py), or of a denoiser that the recipe
`diffusion` trained, which `save_pixel_pipeline` writes in the same layout.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.schedulers.scheduling_ddpm import betas_for_alpha_bar
from safetensors import SafetensorError
from transformers import CLIPTextModel

from chalicelib.inference.vocabulary import VOCABULARY_FILE
from models.bases.architectures import architecture_of
from models.bases.folder import PIPELINE, BaseModel
from models.bases.pipelines import PIXELS, VOCABULARY
from models.failures import BadData
from models.files import write_atomically, write_json
from models.networks.denoiser import schedule
from models.networks.denoiser.network import Denoiser
from models.networks.prompt_readers import ClipPrompts, WordPrompts, read_prompts
from models.networks.settings import DenoiserSettings

Prediction = Literal["epsilon", "v_prediction"]
_PREDICTIONS = ("epsilon", "v_prediction")
_LATENT_GUIDANCE, _LATENT_STEPS = 7.5, 50
"""What diffusers draws by unless told otherwise."""
_BROKEN = (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError)
"""What diffusers and transformers raise for files that are none of theirs."""


@dataclass(frozen=True, slots=True)
class NoiseChain:
    """What is predicted, and the share of a picture's variance left at each step, [steps]."""

    kept: torch.Tensor
    prediction: Prediction

    def wanted(self, images: torch.Tensor, noise: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
        """Return what a network should say of pictures with noise in them."""
        if self.prediction == "epsilon":
            return noise
        return schedule.velocity(images, noise, kept)

    def noise(
        self, seen: torch.Tensor, predicted: torch.Tensor, kept: torch.Tensor
    ) -> torch.Tensor:
        """Return the noise that a prediction stands for."""
        if self.prediction == "epsilon":
            return predicted
        return schedule.predicted_noise(seen, predicted, kept)


@dataclass(slots=True)
class DiffusionBase:
    """A base that is loaded. `side` and `channels` are those of its pictures, which are decoded
    from latents where there is a `vae`; `guidance` and `sampling_steps` are how it draws.
    """

    unet: UNet2DConditionModel
    text: CLIPTextModel
    vae: AutoencoderKL | None
    prompts: WordPrompts | ClipPrompts
    chain: NoiseChain
    side: int
    channels: int
    guidance: float
    sampling_steps: int

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """Return channels, height and width of what the network sees."""
        size = int(self.unet.config.sample_size)
        return int(self.unet.config.in_channels), size, size

    @property
    def latent_scale(self) -> float:
        """Return by what latents are multiplied; 1 for a base that sees pixels."""
        return 1.0 if self.vae is None else float(self.vae.config.scaling_factor)


def load_diffusion_base(base: BaseModel) -> DiffusionBase:
    """Load a pipeline in fp32.

    Raises:
        BadData: a model of it is of another class, lacks weights, or does not fit the others; its
            prompts, its noise or its prediction are of a kind that is not offered.
    """
    name = base.record.name
    architecture_of(base.config, name, "diffusion")
    pixels = base.model_type == PIXELS
    try:
        unet = UNet2DConditionModel.from_pretrained(
            base.folder / "unet", use_safetensors=True, torch_dtype=torch.float32
        )
        text = CLIPTextModel.from_pretrained(
            base.folder / "text_encoder", use_safetensors=True, dtype=torch.float32
        )
        vae = (
            None
            if pixels
            else AutoencoderKL.from_pretrained(
                base.folder / "vae", use_safetensors=True, torch_dtype=torch.float32
            )
        )
        chain = read_chain(_read_json(base.folder / "scheduler" / "scheduler_config.json"), name)
    except _BROKEN as error:
        raise BadData(f"{name} cannot be loaded: {error}") from error
    _require_fit(unet, text, vae, name)
    drawn = base.config.get("_sampling") or {}
    side, channels = picture_size(base)
    return DiffusionBase(
        unet=unet.eval(),
        text=text.eval(),
        vae=vae if vae is None else vae.eval().requires_grad_(False),
        prompts=read_prompts(base),
        chain=chain,
        side=side,
        channels=channels,
        guidance=float(drawn.get("guidance", _LATENT_GUIDANCE)),
        sampling_steps=min(int(drawn.get("steps", _LATENT_STEPS)), len(chain.kept)),
    )


def _require_fit(
    unet: UNet2DConditionModel, text: CLIPTextModel, vae: AutoencoderKL | None, name: str
) -> None:
    width, read = unet.config.cross_attention_dim, text.config.hidden_size
    if width != read:
        raise BadData(f"{name}: unet attends to {width} dimensions, and text_encoder has {read}.")
    latents = unet.config.in_channels if vae is None else vae.config.latent_channels
    if unet.config.in_channels != latents or unet.config.out_channels != latents:
        raise BadData(
            f"{name}: unet takes {unet.config.in_channels} channels and gives "
            f"{unet.config.out_channels}, and {latents} are needed: bases that fill in pictures "
            "or predict variances are not offered."
        )
    if not isinstance(unet.config.sample_size, int):
        raise BadData(f"{name}: unet draws no squares: sample_size {unet.config.sample_size}.")
    if vae is not None and getattr(vae.config, "shift_factor", None):
        raise BadData(f"{name}: vae shifts its latents, and bases whose VAE scales are offered.")


def read_chain(config: Mapping[str, Any], name: str) -> NoiseChain:
    """Return the noise that a scheduler's config describes.

    Raises:
        BadData: it predicts the picture, its betas are of an unknown kind, or its last step has
            nothing of the picture left, by which sampling would divide.
    """
    prediction = config.get("prediction_type", "epsilon")
    if prediction not in _PREDICTIONS:
        raise BadData(
            f"{name}: the scheduler's prediction_type is {prediction!r}; there are "
            f"{', '.join(_PREDICTIONS)}."
        )
    steps = int(config.get("num_train_timesteps", 1000))
    first, last = float(config.get("beta_start", 1e-4)), float(config.get("beta_end", 0.02))
    kind = config.get("beta_schedule", "linear")
    if config.get("trained_betas") is not None:
        betas = torch.tensor(config["trained_betas"], dtype=torch.float64)
    elif kind == "linear":
        betas = torch.linspace(first, last, steps, dtype=torch.float64)
    elif kind == "scaled_linear":
        betas = torch.linspace(first**0.5, last**0.5, steps, dtype=torch.float64) ** 2
    elif kind == "squaredcos_cap_v2":
        betas = betas_for_alpha_bar(steps).double()
    else:
        raise BadData(f"{name}: the scheduler's beta_schedule {kind!r} is not offered.")
    kept = torch.cumprod(1 - betas, 0).float()
    if config.get("rescale_betas_zero_snr") or not float(kept[-1]) > 0:
        raise BadData(f"{name}: the scheduler leaves nothing of the picture at its last step.")
    return NoiseChain(kept, prediction)


def picture_size(base: BaseModel) -> tuple[int, int]:
    """Return side and channels of the pictures of a base by its configs alone. Raises BadData."""
    try:
        unet = _read_json(base.folder / "unet" / "config.json")
        if base.model_type == PIXELS:
            return int(unet["sample_size"]), int(unet["in_channels"])
        vae = _read_json(base.folder / "vae" / "config.json")
        factor = 2 ** (len(vae["block_out_channels"]) - 1)
        return int(unet["sample_size"]) * factor, int(vae["in_channels"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadData(
            f"{base.record.name}: a config lacks the size of pictures: {error}"
        ) from error


def _read_json(path: Path) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def save_pixel_pipeline(
    network: Denoiser, settings: DenoiserSettings, vocabulary: bytes, into: Path
) -> None:
    """Write a denoiser that sees pixels as a pipeline. Raises DiskFull."""
    network.unet.save_pretrained(into / "unet")
    network.text.save_pretrained(into / "text_encoder")
    kept = schedule.kept_shares(settings.noise_steps).double().numpy()
    betas = 1 - kept / np.concatenate([[1.0], kept[:-1]])
    write_json(
        into / "scheduler" / "scheduler_config.json",
        {
            "_class_name": "DDIMScheduler",
            "num_train_timesteps": settings.noise_steps,
            "trained_betas": betas.tolist(),
            "prediction_type": "v_prediction",
            "clip_sample": True,
            "timestep_spacing": "trailing",
        },
    )
    write_atomically(into / "tokenizer" / VOCABULARY_FILE, vocabulary)
    index = {
        "_class_name": PIXELS,
        "_sampling": {"guidance": settings.guidance, "steps": settings.sampling_steps},
        "unet": ["diffusers", "UNet2DConditionModel"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["headrace", VOCABULARY],
        "scheduler": ["diffusers", "DDIMScheduler"],
    }
    write_json(into / PIPELINE, index)
