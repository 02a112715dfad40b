"""Classify images by label names, by a CLIP that the stage serves."""

from __future__ import annotations

from chalicelib.contracts.vision import ClassifyImageRequest, ClassifyImageResult
from chalicelib.errors import InvalidInput
from chalicelib.inference import clip
from chalicelib.inference.clip import ClipModel
from chalicelib.inference.image_files import check_total_pixels
from functions.run_model.deps import Deps

MAX_PROMPTS = 4_096
"""The most labels times templates of one invocation, which keeps it within its time."""

open_model = clip.open_model
parse = ClassifyImageRequest.model_validate


def run(request: ClassifyImageRequest, deps: Deps[ClipModel]) -> ClassifyImageResult:
    """Return the probability of each label for each image.

    Raises:
        Conflict: the stage serves no version of the model.
        InvalidInput: an image cannot be read, a label is empty or too long, or there are too many
            labels for so many templates.
        ModelFailure: no version of the model can be opened, or it failed.
        Throttled, Transient: the model cannot be loaded now.
    """
    began = deps.monotonic()
    check_total_pixels(request.images, "images")
    served = deps.models.get(request.model, request.caller, request.variant)
    model = served.model
    templates = request.templates or model.templates
    _check_labels(request, len(templates))
    labels, tokens = model.embed_labels(request.labels, templates)
    images = [model.embed_image(data, f"images.{n}") for n, data in enumerate(request.images)]
    return ClassifyImageResult(
        shares=tuple(tuple(model.label_probabilities(image, labels).tolist()) for image in images),
        version=served.version.receipt_name,
        tokens=tokens,
        seconds=deps.seconds_since(began),
    )


def _check_labels(request: ClassifyImageRequest, templates: int) -> None:
    """Raise `InvalidInput` if a label is blank, or there are too many prompts."""
    for number, label in enumerate(request.labels):
        if not label.strip():
            raise InvalidInput(f"labels.{number} names no class.", field=f"labels.{number}")
    if len(request.labels) * templates > MAX_PROMPTS:
        raise InvalidInput(
            f"labels: {len(request.labels)} labels by {templates} templates are too many at once;"
            " give fewer of either.",
            field="labels",
            limit=f"{MAX_PROMPTS} labels times templates",
        )
