"""Fidelity of drawn pictures to their prompts and negative prompts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from models.data.captions import CaptionedImages
from models.data.images import from_network
from models.evaluation import figures
from models.evaluation.generator_metrics import generator_metrics
from models.evaluation.image_quality import frechet_distance, image_classifier
from models.evaluation.intervals import mean_interval, wilson_lower_bound
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
    `fid_held_out` the Fréchet distance of real pictures to those that were trained on, and
    `follows_ink` the correlation of the drawn pictures' mean brightness with the captioned ones'.
    The others are those of `generator_metrics`.
    """
    judge = image_classifier(data.images)
    tokens, _ = data.tokens("test", length)
    prompts = np.ascontiguousarray(tokens[:, 0])
    drawn = from_network(draw(prompts, np.zeros_like(prompts)))
    real = data.images.test
    features = judge.features(data.images.train.images)
    told, found = judge.classes(drawn), generator_metrics(judge, data.images, drawn)
    right = (told == real.labels).astype(np.float64)
    numbers = {
        **mean_interval(right).numbers("accuracy"),
        **found.numbers,
        "fid_held_out": frechet_distance(judge.features(real.images), features),
        "follows_ink": float(
            np.corrcoef(_mean_brightness(drawn), _mean_brightness(real.images))[0, 1]
        ),
    }
    return Evaluation(
        numbers,
        {"samples": figures.grid(by_class(drawn, real.labels), _COLUMNS)},
        {"accuracy": right, **found.scores},
        judge.fingerprint,
    )


def by_class(drawn: NDArray[np.uint8], labels: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return three pictures of each class, in rows of all classes."""
    places = [np.flatnonzero(labels == label)[:_A_CLASS] for label in np.unique(labels)]
    fewest = min(map(len, places))
    return drawn[[int(each[row]) for row in range(fewest) for each in places]]


def negative_prompt_effect(draw: DrawFunction, data: CaptionedImages, length: int) -> Evaluation:
    """Return the effect of a negative prompt on 200 pictures drawn without a prompt.

    `unwanted` is the share of the class that is drawn most often, and `unwanted_left` its share
    where a caption of it is the negative prompt, from the same noise. `avoided` is the share of the
    pictures of that class that are no longer of it, with its Wilson lower bound. The picture has
    some of them above what became of them.
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
    unwanted, left = told == label, judge.classes(after) == label
    avoided = unwanted & ~left
    shown = np.flatnonzero(unwanted)[:_COLUMNS]
    rows = figures.grid(np.concatenate([before[shown], after[shown]]), len(shown))
    numbers = {
        "unwanted": float(unwanted.mean()),
        "unwanted_left": float(left.mean()),
        "avoided": float(avoided.sum() / unwanted.sum()),
        "avoided_low": wilson_lower_bound(int(avoided.sum()), int(unwanted.sum())),
    }
    return Evaluation(numbers, {"negative": rows})


def _mean_brightness(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    return np.asarray(images.mean(axis=(1, 2, 3)), np.float64)
