"""Fidelity of drawn pictures to their prompts and negative prompts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from models.data.captions import CaptionedImages
from models.data.images import from_network
from models.evaluation import figures
from models.evaluation.image_quality import frechet_distance, image_classifier
from models.evaluation.intervals import mean_interval
from models.training.recipe_code import Evaluation

Tokens = NDArray[np.int64]
DrawFunction = Callable[[Tokens, Tokens], NDArray[np.float32]]
"""Given tokens and negative tokens, [n, prompt_tokens], returns pictures, [n, channels, side, side]
from -1 to 1."""

_COLUMNS = 10
_A_CLASS = 3
_UNWANTED = 200


def prompt_fidelity(draw: DrawFunction, data: CaptionedImages, length: int) -> Evaluation:
    """Return metrics and samples of pictures drawn from held-out captions.

    `accuracy` is the share whose class the judge tells as that of the captioned picture,
    `classes_drawn` how many classes it tells, and `fid` the Fréchet distance to the pictures that
    were trained on, by the judge's features; `fid_held_out` is that of the real ones. `follows_ink`
    is the correlation of the drawn pictures' mean brightness with the captioned pictures'.
    """
    judge = image_classifier(data.images)
    tokens, _ = data.tokens("test", length)
    prompts = np.ascontiguousarray(tokens[:, 0])
    drawn = from_network(draw(prompts, np.zeros_like(prompts)))
    real = data.images.test
    told, features = judge.classes(drawn), judge.features(data.images.train.images)
    right = (told == real.labels).astype(np.float64)
    numbers = {
        **mean_interval(right).numbers("accuracy"),
        "classes_drawn": float(len(np.unique(told))),
        "fid": frechet_distance(judge.features(drawn), features),
        "fid_held_out": frechet_distance(judge.features(real.images), features),
        "follows_ink": float(
            np.corrcoef(_mean_brightness(drawn), _mean_brightness(real.images))[0, 1]
        ),
        "judge_accuracy": judge.accuracy,
    }
    return Evaluation(
        numbers,
        {"samples": figures.grid(by_class(drawn, real.labels), _COLUMNS)},
        {"accuracy": right},
    )


def by_class(drawn: NDArray[np.uint8], labels: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return three pictures of each class, in rows of all classes."""
    places = [np.flatnonzero(labels == label)[:_A_CLASS] for label in np.unique(labels)]
    fewest = min(map(len, places))
    return drawn[[int(each[row]) for row in range(fewest) for each in places]]


def negative_prompt_effect(draw: DrawFunction, data: CaptionedImages, length: int) -> Evaluation:
    """Return the effect of a negative prompt on 200 pictures drawn without a prompt.

    `unwanted` is the share of the class that is drawn most often, and `unwanted_left` its share
    where a caption of it is the negative prompt, from the same noise. The picture has some of that
    class above what became of them.
    """
    judge = image_classifier(data.images)
    nothing = np.zeros((_UNWANTED, length), np.int64)
    before = from_network(draw(nothing, nothing))
    told = judge.classes(before)
    label = int(np.bincount(told).argmax())
    tokens, counts = data.tokens("train", length)
    first = int(np.flatnonzero(data.images.train.labels == label)[0])
    negative = tokens[first, min(1, int(counts[first]) - 1)]
    after = from_network(draw(nothing, np.tile(negative, (_UNWANTED, 1))))
    shown = np.flatnonzero(told == label)[:_COLUMNS]
    rows = figures.grid(np.concatenate([before[shown], after[shown]]), len(shown))
    numbers = {
        "unwanted": float((told == label).mean()),
        "unwanted_left": float((judge.classes(after) == label).mean()),
    }
    return Evaluation(numbers, {"negative": rows})


def _mean_brightness(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    return np.asarray(images.mean(axis=(1, 2, 3)), np.float64)
