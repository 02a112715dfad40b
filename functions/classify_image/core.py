"""Says how likely labels are of pictures, by a model that the stage serves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.contracts.looking import ClassifyImageRequest, ClassifyImageResult
from chalicelib.errors import InvalidInput
from chalicelib.inference.hot_swap import Models
from chalicelib.inference.seeing import hold_together
from chalicelib.inference.towers import Towers

MOST_PROMPTS = 4_096
"""Labels times templates of one invocation: what keeps it within its time."""


@dataclass(frozen=True, slots=True)
class Deps:
    """What the function works with; `clock` gives seconds, from any start."""

    models: Models[Towers]
    clock: Callable[[], float]


def run(request: ClassifyImageRequest, deps: Deps) -> ClassifyImageResult:
    """Return how likely each label is of each picture.

    Raises:
        Conflict: the stage serves no version of the model.
        InvalidInput: a picture cannot be read, a label is empty or too long, or there are too many
            labels for so many templates.
        ModelFailure: no version of the model can be opened, or it failed.
        Throttled, Transient: the model cannot be had now.
    """
    began = deps.clock()
    hold_together(request.images, "images")
    serving = deps.models.get(request.model)
    towers = serving.model
    templates = request.templates or towers.templates
    _hold(request, len(templates))
    labels, tokens = towers.labels(request.labels, templates)
    pictures = [towers.picture(data, f"images.{at}") for at, data in enumerate(request.images)]
    return ClassifyImageResult(
        shares=tuple(tuple(towers.shares(picture, labels).tolist()) for picture in pictures),
        version=serving.version.label,
        tokens=tokens,
        seconds=max(0.0, deps.clock() - began),
    )


def _hold(request: ClassifyImageRequest, templates: int) -> None:
    for at, label in enumerate(request.labels):
        if not label.strip():
            raise InvalidInput(f"labels.{at} names no class.", field=f"labels.{at}")
    if len(request.labels) * templates > MOST_PROMPTS:
        raise InvalidInput(
            f"labels: {len(request.labels)} labels by {templates} templates are too many at once;"
            " give fewer of either.",
            field="labels",
            limit=f"{MOST_PROMPTS} labels times templates",
        )
