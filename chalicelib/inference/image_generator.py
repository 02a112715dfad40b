"""Generation of images by exported models: from latent points (VAE, GAN), or from noise.

A diffusion model starts from noise. Each image of a request has a random stream of its own, so that
it is the same whatever else is generated with it. Every output of a graph is checked: its shape,
and that its numbers are finite.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from chalicelib.contracts.model_manifest import FILE
from chalicelib.errors import InvalidInput, ModelFailure, Unsupported
from chalicelib.inference import diffusion
from chalicelib.inference.diffusion import DiffusionSampling, NoiseSchedule
from chalicelib.inference.exported_model import ExportedModel
from chalicelib.inference.pixels import Floats, Pixels, PixelScale
from chalicelib.inference.tokenizers import ClipTokens, read_tokenizer
from chalicelib.inference.vocabulary import VOCABULARY_FILE, PromptVocabulary

_DECODER_GRAPH = "decoder"
"""Name of a graph that turns latents into images: points of N(0, I), or what a denoiser sees."""
LATENT_GRAPHS = (_DECODER_GRAPH, "generator")
"""Names of a graph that turns latent points into images."""
DENOISER_GRAPH = "denoiser"
"""Name of a graph that predicts the noise in images."""
MAX_DENOISER_CALLS = 4_000
"""The most images times steps of one invocation, which keeps it within its time."""

_LATENT_INPUT, _LATENT_OUTPUT = "latent", "image"
_DENOISER_INPUTS, _DENOISER_OUTPUT = ("image", "step", "tokens"), "noise"


@dataclass(frozen=True, slots=True)
class ImageSampling:
    """The images to generate: `count` from `seed` on, or from `seed` to `to_seed`."""

    count: int
    seed: int
    to_seed: int | None = None
    prompt: str = ""
    negative_prompt: str = ""
    steps: int | None = None
    guidance: float | None = None

    def noise(self, shape: tuple[int, ...]) -> Floats:
        """Return the initial noise of the images, [count, *shape]: of a seed, or between two."""
        if self.to_seed is None:
            return diffusion.noise(self.seed, self.count, shape)
        return diffusion.interpolate(self.seed, self.to_seed, self.count, shape)


class ImageGenerator(Protocol):
    """A model that generates images of `side` by `side` pixels."""

    @property
    def side(self) -> int: ...

    def generate_images(self, settings: ImageSampling) -> Pixels:
        """Return images as [count, side, side, channels].

        Raises:
            InvalidInput: the model does not take a word or a number of the settings.
            Unsupported: the model has no use for one of the settings.
            ModelFailure: the model failed.
        """


class LatentImageGenerator:
    """A model that decodes a point of N(0, I) into an image, as a VAE and a GAN do."""

    def __init__(self, exported: ExportedModel, graph: str) -> None:
        """Open the graph of that name. Raises `ModelFailure`."""
        spec = exported.signature.graphs[graph]
        self._name = exported.signature.name
        if [graph_input.name for graph_input in spec.inputs] != [_LATENT_INPUT]:
            raise ModelFailure(
                f"The graph {graph} of {self._name} takes more than {_LATENT_INPUT!r}."
            )
        self._scale = PixelScale.of(exported)
        self._latent_size = int(exported.numbers("latent")["latent"])
        self._session = exported.graph(graph)

    @property
    def side(self) -> int:
        """Return the width and height of an image in pixels."""
        return self._scale.side

    def generate_images(self, settings: ImageSampling) -> Pixels:
        """Return images, as `ImageGenerator.generate_images` does; prompts are refused."""
        _refuse_settings(settings, ("prompt", "negative_prompt", "steps", "guidance"), self._name)
        points = settings.noise((self._latent_size,))
        try:
            (images,) = self._session.run([_LATENT_OUTPUT], {_LATENT_INPUT: points})
        except Exception as error:  # onnxruntime's errors have no narrower base class
            raise ModelFailure(f"{self._name} failed: {error}") from error
        return self._scale.to_pixels(np.asarray(images, np.float32), settings.count)


class PromptTokens(Protocol):
    """The reading of prompts as tokens."""

    def tokens(self, prompt: str, length: int, field: str) -> NDArray[np.int64]:
        """Return `length` tokens. Raises `InvalidInput` for a prompt that cannot be read."""


class DiffusionImageGenerator:
    """A diffusion model that generates images from a prompt.

    Constants that the manifest must have, beside those of `PixelScale`: `prompt_tokens` (tokens of
    the longest prompt), `alphas_cumprod` (see `NoiseSchedule`), and the defaults `guidance` and
    `sampling_steps`. Prompts are read by the words of `vocabulary.json`, or by CLIP's tokenizer in
    `tokenizer.json`. Where there is a graph `decoder`, the denoiser sees latents, of the constants
    `latent_side` and `latent_channels`, which that turns into images.
    """

    def __init__(self, exported: ExportedModel, scale: PixelScale) -> None:
        """Open the graph and read the words of prompts. Raises `ModelFailure`."""
        self._name = exported.signature.name
        inputs = {
            graph_input.name for graph_input in exported.signature.graphs[DENOISER_GRAPH].inputs
        }
        if inputs != set(_DENOISER_INPUTS):
            raise ModelFailure(
                f"The graph {DENOISER_GRAPH} of {self._name} takes {', '.join(sorted(inputs))}, and"
                f" not {', '.join(_DENOISER_INPUTS)}."
            )
        numbers = exported.numbers("prompt_tokens", "guidance", "sampling_steps")
        self._prompt_tokens = int(numbers["prompt_tokens"])
        self._default_steps = int(numbers["sampling_steps"])
        self._default_guidance = numbers["guidance"]
        self._scale = scale
        self._session = exported.graph(DENOISER_GRAPH)
        self._decoder = None
        self._shape = (scale.channels, scale.side, scale.side)
        lowest, highest = scale.lowest, scale.highest
        if _DECODER_GRAPH in exported.signature.graphs:
            self._decoder = exported.graph(_DECODER_GRAPH)
            sizes = exported.numbers("latent_channels", "latent_side")
            side = int(sizes["latent_side"])
            self._shape = (int(sizes["latent_channels"]), side, side)
            lowest, highest = -math.inf, math.inf  # latents have no range
        self._schedule = NoiseSchedule(_alphas_cumprod(exported), lowest, highest)
        self._prompts: PromptTokens = (
            PromptVocabulary.of(exported.file(VOCABULARY_FILE))
            if VOCABULARY_FILE in exported.signature.files
            else ClipTokens(read_tokenizer(exported))
        )

    @property
    def side(self) -> int:
        """Return the width and height of an image in pixels."""
        return self._scale.side

    def generate_images(self, settings: ImageSampling) -> Pixels:
        """Return images, as `ImageGenerator.generate_images` does."""
        tokens, negative = (
            np.tile(self._prompts.tokens(text, self._prompt_tokens, field), (settings.count, 1))
            for text, field in (
                (settings.prompt, "prompt"),
                (settings.negative_prompt, "negative_prompt"),
            )
        )
        start = settings.noise(self._shape)
        images = diffusion.sample(
            self._predict_noise, self._schedule, start, tokens, negative, self._sampling(settings)
        )
        return self._scale.to_pixels(self._decoded(images), settings.count)

    def _decoded(self, latents: Floats) -> Floats:
        """Return images of latents, one at a time: a decoder's layers are far larger than those."""
        if self._decoder is None:
            return latents
        try:
            images = [
                self._decoder.run([_LATENT_OUTPUT], {_LATENT_INPUT: each[None]})[0]
                for each in latents
            ]
        except Exception as error:  # onnxruntime's errors have no narrower base class
            raise ModelFailure(f"{self._name} failed: {error}") from error
        return np.asarray(np.concatenate(images), np.float32)

    def _sampling(self, settings: ImageSampling) -> DiffusionSampling:
        """Return steps and guidance, with the model's defaults for settings that are left out."""
        steps = settings.steps if settings.steps is not None else self._default_steps
        if steps * settings.count > MAX_DENOISER_CALLS:
            raise InvalidInput(
                f"{settings.count} pictures of {steps} steps are too many at once; ask for fewer.",
                field="steps",
                limit=f"{MAX_DENOISER_CALLS} steps of all pictures",
            )
        guidance = settings.guidance if settings.guidance is not None else self._default_guidance
        if guidance == 1 and settings.negative_prompt.strip():
            raise InvalidInput(
                "guidance is 1, which does not look at the negative prompt; give more, such as 2, "
                "or leave the negative prompt out.",
                field="guidance",
            )
        return DiffusionSampling(steps, guidance)

    def _predict_noise(
        self, images: Floats, step: diffusion.Integers, tokens: diffusion.Integers
    ) -> Floats:
        inputs = dict(zip(_DENOISER_INPUTS, (images, step, tokens), strict=True))
        try:
            (noise,) = self._session.run([_DENOISER_OUTPUT], inputs)
        except Exception as error:  # onnxruntime's errors have no narrower base class
            raise ModelFailure(f"{self._name} failed: {error}") from error
        return np.asarray(noise, np.float32)


def open_model(exported: ExportedModel) -> ImageGenerator:
    """Open an exported image generator and try it on one image.

    Raises:
        ModelFailure: the model does not generate images, or it failed.
    """
    generator = _generator_of(exported)
    generator.generate_images(ImageSampling(count=1, seed=0))
    return generator


def _generator_of(exported: ExportedModel) -> ImageGenerator:
    """Return the kind of generator to which the graphs of a model belong."""
    graphs = exported.signature.graphs
    if DENOISER_GRAPH in graphs:
        return DiffusionImageGenerator(exported, PixelScale.of(exported))
    for name in LATENT_GRAPHS:
        if name in graphs:
            return LatentImageGenerator(exported, name)
    raise ModelFailure(
        f"{exported.signature.name} has the graphs {', '.join(sorted(graphs))}, none that draws."
    )


def _refuse_settings(settings: ImageSampling, names: Sequence[str], model: str) -> None:
    """Raise `Unsupported` if one of the settings `names` is given."""
    for name in names:
        if getattr(settings, name) not in (None, ""):
            raise Unsupported(f"{model} takes no {name}; leave it out.", field=name)


def _alphas_cumprod(exported: ExportedModel) -> tuple[float, ...]:
    """Return the shares of an image's variance, which must fall from below 1 to above 0."""
    value = exported.signature.constants.get("alphas_cumprod")
    if not isinstance(value, tuple) or not value:
        raise ModelFailure(f"{exported.signature.name} has no alphas_cumprod in its {FILE}.")
    alphas = tuple(float(alpha) for alpha in value)
    falling = all(a > b for a, b in zip((1.0, *alphas), alphas, strict=False))
    if not falling or alphas[-1] <= 0:
        raise ModelFailure(f"alphas_cumprod of {exported.signature.name} do not fall from 1 to 0.")
    return alphas
