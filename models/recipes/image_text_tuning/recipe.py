"""The recipe `image_text_tuning`: two towers, tuned on pictures and what is said of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.bases.folder import BaseModel
from models.data.token_rows import cut_notices
from models.evaluation import figures, retrieval
from models.evaluation.image_text import (
    CaptionPairs,
    ImageTextRanks,
    image_text_ranks,
)
from models.evaluation.intervals import group_means, mean_interval
from models.evaluation.judged_rows import known_bounds, observations
from models.networks.image_text import (
    TunedTowers,
    read_features,
    scaled_pixels,
    seen_features,
    sentence_vectors,
    text_reader,
    text_rows,
    vectors_of_features,
)
from models.networks.image_text_export import (
    image_text_constants,
    image_text_graphs,
    tokenizer_file,
)
from models.networks.tower_training import grey_pictures, shift_pictures
from models.recipes.image_text_tuning.parameters import Parameters
from models.training.learned_weights import LearnedWeights
from models.training.loop import TrainingTask
from models.training.recipe_code import Evaluation, RecipeCode, TaskSetup
from models.training.supervised_task import Batch, loss_task
from models.training_data import captioned_pictures
from models.training_data.captioned_pictures import CaptionedPictures, PicturePart, PictureReader
from models.training_data.row_groups import RowGroups

_SHOWN, _COLUMNS = 8, 8
_SHOWN_SIDE = 64


def build(parameters: Parameters, _data: CaptionedPictures, base: BaseModel) -> TunedTowers:
    """Return the towers of a base. Raises BadData."""
    return TunedTowers(base, parameters)


def task(setup: TaskSetup[Parameters, CaptionedPictures]) -> TrainingTask:
    """Return the training of two towers on the channel's pictures. Raises BadData, ValueError."""
    network, parameters, part = setup.network, setup.parameters, setup.data.train
    assert isinstance(network, TunedTowers)
    kept = LearnedWeights(network)
    network.to(setup.device.torch).eval()
    captions = setup.data.captions(part, parameters.templates[0])
    pairs = CaptionPairs.of([str(path) for path in part.paths], captions)
    first, _ = pairs.first_rows()
    pictures = PictureReader([part.paths[row] for row in first], network.side)
    numbers = [torch.from_numpy(pairs.pictures), torch.from_numpy(pairs.captions)]
    seen: list[torch.Tensor] = []
    if network.sees_once:
        seen.append(seen_features(network, pictures, len(first))[numbers[0]])
    read: Sequence[torch.Tensor] = text_rows(network, captions)
    if network.reads_once:
        read = [read_features(network, captions)]

    def loss(model: nn.Module, batch: Batch, _: int) -> Mapping[str, torch.Tensor]:
        assert isinstance(model, TunedTowers)
        picture, caption, *given = batch
        if model.sees_once:
            images, given = model.image_vectors(given[0]), given[1:]
        else:
            pixels = scaled_pixels(pictures, picture.tolist()).to(picture.device)
            moved = shift_pictures(pixels, parameters.shift) if model.training else pixels
            shown = grey_pictures(moved, parameters.grey) if model.training else pixels
            images = model.image(shown)
        texts = model.text_vectors(given[0]) if model.reads_once else model.text(*given)
        told = model.loss(images, texts, alike(picture) | alike(caption))
        return {"loss": told, "temperature": (-model.towers.logit_scale).exp()}

    return loss_task(
        setup,
        loss,
        [*numbers, *seen, *read],
        after=lambda _: network.bound_scale(),
        kept=kept,
        groups=part.groups.tolist(),
    )


def alike(numbers: torch.Tensor) -> torch.Tensor:
    """Return which rows of a batch have the same number, [n, n]."""
    return numbers[:, None] == numbers[None]


def check(parameters: Parameters, data: CaptionedPictures, base: BaseModel) -> list[str]:
    """Return how many captions are cut. Raises BadData for a tokenizer that does not fit."""
    parts = (data.train, data.validation, data.test)
    captions = [each for part in parts for each in data.captions(part, parameters.templates[0])]
    return cut_notices(text_reader(base, parameters), captions, "text_tokens")


def evaluate(network: nn.Module, data: CaptionedPictures, parameters: Parameters) -> Evaluation:
    """Return how held-out pictures and captions find each other, by the tuned and the base model.

    `recall_k_by_text` is the share of rows whose caption finds its picture among the first k, and
    `…_by_picture` of those whose picture finds its caption; with `base_` before it is the base's,
    and with `chance_` that of any order. `reciprocal_rank` is the mean of both ways;
    `gain_over_base` and `gain_over_chance` are differences of it, paired by row, with intervals
    over pictures or groups. `zero_shot` is the share of pictures whose class is told by its name
    among all classes of the data.
    """
    assert isinstance(network, TunedTowers)
    plain = parameters.model_copy(update={"way": "head"})
    base = TunedTowers(network.base, plain).eval()
    part = data.test
    captions = data.captions(part, parameters.templates[0])
    pairs = CaptionPairs.of([str(path) for path in part.paths], captions)
    shown, asked = pairs.first_rows()
    texts = [captions[row] for row in asked]
    pictures = PictureReader([part.paths[row] for row in shown], network.side)
    seen = seen_features(base, pictures, len(shown))
    # Where the tower of pictures stays as it is, they need not be looked at again.
    again = seen if network.sees_once else seen_features(network.eval(), pictures, len(shown))
    vectors = {
        each: (vectors_of_features(each, features), sentence_vectors(each, texts))
        for each, features in ((network.eval(), again), (base, seen))
    }
    tuned, before = (image_text_ranks(pairs, *found) for found in vectors.values())
    numbers = {
        **_numbers(tuned, before, part.groups),
        "temperature": network.temperature,
        "pictures": float(len(shown)),
        "captions": float(len(asked)),
    }
    if data.labels:
        images = [found[pairs.pictures] for found, _ in vectors.values()]
        numbers |= _zero_shot(list(vectors), images, data, part, parameters.templates)
    found = retrieval.nearest(vectors[network][1][:_SHOWN], vectors[network][0], _COLUMNS)
    drawn = {"found": figures.titled_rows(texts[:_SHOWN], _drawn(part, shown, found))}
    scores = {"reciprocal_rank": group_means(tuned.scores, part.groups)}
    known, unknown = known_bounds(numbers, *observations(part.groups, "pictures"))
    return Evaluation(known, drawn, scores, unknown=unknown)


def _numbers(tuned: ImageTextRanks, base: ImageTextRanks, groups: RowGroups) -> dict[str, float]:
    scores, chance = tuned.scores, tuned.scores_by_chance
    over_base, over_chance = scores - base.scores, scores - chance
    return {
        **tuned.numbers(),
        **base.numbers("base_"),
        **tuned.chances(),
        **mean_interval(group_means(scores, groups)).numbers("reciprocal_rank"),
        "base_reciprocal_rank": float(base.scores.mean()),
        "chance_reciprocal_rank": float(chance.mean()),
        **mean_interval(group_means(over_base, groups)).numbers("gain_over_base"),
        **mean_interval(group_means(over_chance, groups)).numbers("gain_over_chance"),
    }


def _zero_shot(
    networks: Sequence[TunedTowers],
    images: Sequence[NDArray[np.float32]],
    data: CaptionedPictures,
    part: PicturePart,
    templates: Sequence[str],
) -> dict[str, float]:
    """Return how often the class of a picture is told, by the tuned model and by the base."""
    labels = np.array([data.labels.index(each) for each in part.said], np.int64)
    right = []
    for network, vectors in zip(networks, images, strict=True):
        prompts = retrieval.prompt_vectors(
            lambda texts, by=network: sentence_vectors(by, texts),  # type: ignore[misc]
            data.labels,
            templates,
        )
        right.append(retrieval.zero_shot(vectors, prompts, labels))
    tuned, base = right
    return {
        **mean_interval(group_means(tuned, part.groups)).numbers("zero_shot"),
        "base_zero_shot": float(base.mean()),
        "chance_zero_shot": 1 / len(data.labels),
        **mean_interval(group_means(tuned - base, part.groups)).numbers("zero_shot_gain"),
    }


def _drawn(
    part: PicturePart, shown: NDArray[np.int64], found: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """Return the pictures that texts found, [texts, found, side, side, 3]."""
    drawn = PictureReader(part.paths, _SHOWN_SIDE).pixels(shown[found.reshape(-1)].tolist())
    return drawn.reshape(*found.shape, *drawn.shape[1:])


CODE: RecipeCode[Parameters, CaptionedPictures] = RecipeCode(
    parameters=Parameters,
    load=captioned_pictures.read,
    build=build,
    task=task,
    evaluate=evaluate,
    graphs=image_text_graphs,
    constants=lambda parameters: {"templates": parameters.templates},
    learned=image_text_constants,
    network_files=tokenizer_file,
    validation=CaptionedPictures.for_trial,
    check=check,
)
