"""Generate images, by a diffusion model, VAE or GAN that the stage serves."""

from __future__ import annotations

from chalicelib.contracts.functions.generate_image import GenerateImageRequest, GenerateImageResult
from chalicelib.errors import InvalidInput
from chalicelib.inference import image_generator
from chalicelib.inference.image_generator import ImageGenerator, ImageSampling
from chalicelib.inference.pixels import encode_png
from functions.run_model.deps import Deps

open_model = image_generator.open_model
parse = GenerateImageRequest.model_validate


def run(request: GenerateImageRequest, deps: Deps[ImageGenerator]) -> GenerateImageResult:
    """Return the images as PNG.

    Raises:
        Conflict: the stage serves no version of the model.
        InvalidInput: the size is smaller than the model's, or a word of the prompt is not known.
        Unsupported: the model takes no prompt, steps or guidance, and the request has one.
        ModelFailure: no version of the model can be opened, or it failed.
        Throttled, Transient: the model cannot be loaded now.
    """
    began = deps.monotonic()
    served = deps.models.get(request.model, request.caller, request.variant)
    scale = _scale(request, served.model.side)
    images = served.model.generate_images(_settings(request, deps))
    enlarged = (image.repeat(scale, axis=0).repeat(scale, axis=1) for image in images)
    # The PNGs are raw bytes here; validation would read them as base64.
    return GenerateImageResult.model_construct(
        images=tuple(map(encode_png, enlarged)),
        version=served.version.receipt_name,
        seconds=deps.seconds_since(began),
    )


def _scale(request: GenerateImageRequest, side: int) -> int:
    """Return the width in pixels of the result of one pixel of the model."""
    scale = min(request.width, request.height) // side
    if scale < 1:
        raise InvalidInput(
            f"{request.model} draws {side} by {side} pixels; ask for so many at least.",
            field="size",
            limit=f"{side}x{side}",
        )
    return scale


def _settings(request: GenerateImageRequest, deps: Deps[ImageGenerator]) -> ImageSampling:
    return ImageSampling(
        count=request.count,
        seed=request.seed if request.seed is not None else deps.new_seed(),
        to_seed=request.to_seed,
        prompt=request.prompt,
        negative_prompt=request.negative_prompt,
        steps=request.steps,
        guidance=request.guidance,
    )
