"""Draws pictures by a model that the stage serves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.contracts.drawing import GenerateImageRequest, GenerateImageResult
from chalicelib.errors import InvalidInput
from chalicelib.inference.drawing import Drawer, Drawing
from chalicelib.inference.hot_swap import Models
from chalicelib.inference.png import encoded


@dataclass(frozen=True, slots=True)
class Deps:
    """What the function works with; `clock` gives seconds, from any start, `chance` a seed."""

    models: Models[Drawer]
    chance: Callable[[], int]
    clock: Callable[[], float]


def run(request: GenerateImageRequest, deps: Deps) -> GenerateImageResult:
    """Return the pictures.

    Raises:
        Conflict: the stage serves no version of the model.
        InvalidInput: the size is less than the model's, or the model knows a word not.
        Unsupported: the model takes no prompt, steps or guidance, and the request has one.
        ModelFailure: no version of the model can be opened, or it failed.
        Throttled, Transient: the model cannot be had now.
    """
    began = deps.clock()
    serving = deps.models.get(request.model)
    scale = _scale(request, serving.model.side)
    pixels = serving.model.draw(_drawing(request, deps))
    images = tuple(encoded(each.repeat(scale, axis=0).repeat(scale, axis=1)) for each in pixels)
    return GenerateImageResult.model_construct(
        images=images,
        version=serving.version.label,
        seconds=max(0.0, deps.clock() - began),
    )


def _scale(request: GenerateImageRequest, side: int) -> int:
    """Return how many pixels of a picture each of the model's is wide and high."""
    scale = min(request.width, request.height) // side
    if scale < 1:
        raise InvalidInput(
            f"{request.model} draws {side} by {side} pixels; ask for so many at least.",
            field="size",
            limit=f"{side}x{side}",
        )
    return scale


def _drawing(request: GenerateImageRequest, deps: Deps) -> Drawing:
    return Drawing(
        count=request.count,
        seed=request.seed if request.seed is not None else deps.chance(),
        to_seed=request.to_seed,
        prompt=request.prompt,
        negative_prompt=request.negative_prompt,
        steps=request.steps,
        guidance=request.guidance,
    )
