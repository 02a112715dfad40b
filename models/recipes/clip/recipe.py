"""The recipe `clip`: CLIP on drawn shapes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import nn

from models.data import captions
from models.data.captions import CaptionedImages
from models.evaluation import figures, intervals, retrieval
from models.evaluation.projection import principal_plane
from models.networks.tower_training import files, image_vectors, task, text_vectors, tokenizer
from models.networks.towers import TwoTowers, learned_constants, tower_constants, tower_graphs
from models.recipes.clip.parameters import Parameters
from models.training.recipe_code import Evaluation, RecipeCode

NEAREST = 10


_SHOWN = 6


def evaluate(network: nn.Module, data: CaptionedImages, parameters: Parameters) -> Evaluation:
    """Return metrics of zero-shot classification and search, and a sheet of results.

    `zero_shot_unseen` is the share of pictures of classes that were never trained on whose class is
    told among all classes, by prompts that are averaged; `zero_shot_one_prompt` by the first prompt
    alone; `zero_shot_known` the share of classes that were trained on. `search_unseen` is, of the
    ten pictures that an unseen class's prompts find among all that are held out, the share that are
    of that class, and `alike` the share of a picture's ten nearest others that are of its class.
    The plane is that of the held-out pictures' vectors.
    """
    assert isinstance(network, TwoTowers)
    test, reader = data.images.test, tokenizer(data, parameters)

    def classes(templates: Sequence[str]) -> NDArray[np.float32]:
        return retrieval.prompt_vectors(
            lambda texts: text_vectors(network, reader, texts), data.images.names, templates
        )

    images, prompts = image_vectors(network, test.scaled()), classes(parameters.templates)
    known = np.isin(test.labels, data.images.train.labels)
    unseen = np.unique(test.labels[~known])
    hits = retrieval.zero_shot(images, prompts, test.labels)
    one = retrieval.zero_shot(images, classes(parameters.templates[:1]), test.labels)
    same = unseen[:, None] == test.labels
    numbers = {
        **_interval("zero_shot_unseen", hits[~known]),
        **_interval("zero_shot_known", hits[known]),
        **_mean("zero_shot_one_prompt", one[~known]),
        **_mean("search_unseen", retrieval.precision(prompts[unseen], images, same, NEAREST)),
        **_mean("alike", retrieval.neighbour_precision(images, test.labels, NEAREST)),
        "temperature": network.temperature,
    }
    shown = unseen[:_SHOWN]
    found = retrieval.nearest(prompts[shown], images, NEAREST)
    titles = [data.images.names[each] for each in shown]
    plane = principal_plane(images, test.labels)
    drawn = {"found": figures.titled_rows(titles, test.images[found])} if titles else {}
    drawn["projection"] = figures.scatter(plane.coordinates, plane.labels)
    scores = {"zero_shot_unseen": hits[~known]}
    return Evaluation(numbers | plane.numbers(), drawn, scores, files=plane.files())


def _interval(name: str, values: NDArray[np.float64]) -> dict[str, float]:
    """Return a mean with its interval, or nothing if there are no rows."""
    return intervals.mean_interval(values).numbers(name) if len(values) else {}


def _mean(name: str, values: NDArray[np.float64]) -> dict[str, float]:
    return {name: float(values.mean())} if len(values) else {}


CODE: RecipeCode[Parameters, CaptionedImages] = RecipeCode(
    parameters=Parameters,
    load=captions.read,
    network=TwoTowers,
    task=task,
    evaluate=evaluate,
    graphs=tower_graphs,
    constants=tower_constants,
    files=files,
    learned=learned_constants,
    validation=captions.class_validation,
)
