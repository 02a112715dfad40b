"""The recipe `clip_emoji`: CLIP on emoji and their names."""

from __future__ import annotations

import numpy as np
from torch import nn

from models.data import captions
from models.data.captions import CaptionedImages
from models.evaluation import figures, intervals, retrieval
from models.evaluation.projection import principal_plane
from models.networks.tower_training import files, image_vectors, task, text_vectors, tokenizer
from models.networks.towers import TwoTowers, learned_constants, tower_constants, tower_graphs
from models.recipes.clip_emoji.parameters import Parameters
from models.training.recipe_code import Evaluation, RecipeCode

FIRST = 10


_SHOWN, _COLUMNS = 8, 10


def evaluate(network: nn.Module, data: CaptionedImages, parameters: Parameters) -> Evaluation:
    """Return metrics of retrieval by name, and a sheet of results.

    A query is a held-out picture's first caption. `recall_10` is the share of queries whose picture
    is among the first ten of those held out, `recall_10_of_all` of all there are, and
    `recall_10_by_picture` the share of pictures that find their caption so. `zero_shot` is the
    share of held-out pictures whose class is told by its name, and `alike` the share of a
    picture's ten nearest others, all held out, that are of its class. The plane is that of the
    held-out pictures' vectors.
    """
    assert isinstance(network, TwoTowers)
    test, reader = data.images.test, tokenizer(data, parameters)
    queries = [said[0] for said in data.captions["test"]]
    images = image_vectors(network, test.scaled())
    texts = text_vectors(network, reader, queries)
    trained = image_vectors(network, data.images.train.scaled())
    prompts = retrieval.prompt_vectors(
        lambda asked: text_vectors(network, reader, asked), data.images.names, parameters.templates
    )
    ranks = retrieval.ranks(texts, images)
    among_all = retrieval.ranks(texts, np.concatenate([images, trained]))
    by_picture = retrieval.ranks(images, texts)
    found = retrieval.recall(ranks, FIRST)
    numbers = {
        **intervals.mean_interval(found).numbers("recall_10"),
        "recall_1": float(retrieval.recall(ranks, 1).mean()),
        "median_rank": float(np.median(ranks)) + 1,
        "recall_10_of_all": float(retrieval.recall(among_all, FIRST).mean()),
        "recall_10_by_picture": float(retrieval.recall(by_picture, FIRST).mean()),
        **intervals.mean_interval(retrieval.zero_shot(images, prompts, test.labels)).numbers(
            "zero_shot"
        ),
        "alike": float(retrieval.neighbour_precision(images, test.labels, FIRST).mean()),
        "temperature": network.temperature,
    }
    first = retrieval.nearest(texts[:_SHOWN], images, _COLUMNS)
    drawn = figures.titled_rows(queries[:_SHOWN], test.images[first])
    plane = principal_plane(images, test.labels)
    pictures = {"found": drawn, "projection": figures.scatter(plane.coordinates, plane.labels)}
    return Evaluation(
        numbers | plane.numbers(), pictures, {"recall_10": found}, files=plane.files()
    )


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
)
