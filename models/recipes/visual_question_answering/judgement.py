"""How answers about pictures are judged: by held-out pictures, beside what needs none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.evaluation import figures
from models.evaluation.answer_baselines import baseline_answers
from models.evaluation.answers import AnswerScores, score_answers
from models.evaluation.intervals import mean_interval
from models.evaluation.judged_rows import drawn_rows, known_bounds, observations
from models.networks.image_question_tokens import encode_questions, majority_answers
from models.networks.vision_language import (
    TunedVisionLanguage,
    picture_features,
    picture_numbers,
    write_answers,
)
from models.pull.base_references import NEW
from models.recipes.visual_question_answering.parameters import Parameters
from models.training.recipe_code import Evaluation
from models.training_data.captioned_pictures import PictureReader
from models.training_data.image_questions import ImageQuestionPart, ImageQuestions

_SHOWN, _SHOWN_SIDE = 8, 64
_SPARE_TOKENS = 4


def evaluate(network: nn.Module, data: ImageQuestions, parameters: Parameters) -> Evaluation:
    """Return how held-out questions on held-out pictures are answered, with intervals.

    Scores are exact match and the F1 of words. Beside the model's stand those of answers that see
    nothing: the commonest answer to the same question (`majority`), that to the most alike question
    (`nearest`), and the model's own with another picture in the place of each (`blind`); and of the
    base as it is (`zero_shot`), unless that began anew. `f1_gain` is the paired difference to the
    best of the others but `blind`, and `gain_over_blind` that to `blind`, so that a model that does
    not look gains nothing. Rows of one picture or group count as one.
    """
    assert isinstance(network, TunedVisionLanguage)
    part = _judged(data.test, parameters)
    rows = encode_questions(network.questions, part, parameters, network.end, "test")
    prompts = [row.ids[: row.answer] for row in rows]
    longest = max(len(row.ids) - row.answer for row in rows)
    most = min(longest + _SPARE_TOKENS, parameters.max_answer_tokens)
    numbers, others = picture_numbers(part.paths), other_pictures(part.paths)
    pictures = PictureReader([*dict.fromkeys(part.paths)], network.side)
    seen = picture_features(network, pictures, int(numbers.max()) + 1)
    texts = write_answers(network, seen[numbers], prompts, most)
    beside = dict(
        baseline_answers(data.train.questions, data.train.answers, part.questions, parameters.seed)
    )
    del beside["copied"], beside["frequent"]
    beside["majority"] = majority_answers(data.train.questions, data.train.answers, part.questions)
    if not network.base.record.source.startswith(NEW):
        base = network.untuned()
        plain = picture_features(base, pictures, int(numbers.max()) + 1)
        beside["zero_shot"] = write_answers(base, plain[numbers], prompts, most)
    blind = write_answers(network, seen[others], prompts, most)
    numbers_of, unknown, scores = judged_answers(part, texts, blind, beside)
    shown = _examples(part, texts, network.side)
    return Evaluation(numbers_of, {"answers": shown}, {"f1": scores.f1}, unknown=unknown)


def judged_answers(
    part: ImageQuestionPart,
    texts: Sequence[str],
    blind: Sequence[str],
    beside: Mapping[str, Sequence[str]],
) -> tuple[Mapping[str, float], Mapping[str, str], AnswerScores]:
    """Return metrics of answers, why others are unknown, and the scores of each picture.

    `blind` are those with another picture, and `beside` those of others, by name.
    """

    def scored(answers: Sequence[str]) -> AnswerScores:
        return score_answers(answers, part.answers).by_group(part.groups)

    own, without = scored(texts), scored(blind)
    others = {name: scored(each) for name, each in beside.items()}
    best = max(others.values(), key=lambda each: float(each.f1.mean()))
    numbers = {
        **_numbers(own),
        **_numbers(without, "blind_"),
        **mean_interval(own.f1 - best.f1).numbers("f1_gain"),
        **mean_interval(own.exact - best.exact).numbers("exact_gain"),
        **mean_interval(own.f1 - without.f1).numbers("gain_over_blind"),
        "pictures": float(len({*part.paths})),
    }
    for name, each in others.items():
        numbers |= _numbers(each, f"{name}_")
    return *known_bounds(numbers, *observations(part.groups, "pictures")), own


def _numbers(scores: AnswerScores, prefix: str = "") -> dict[str, float]:
    found = scores.numbers(prefix)
    return {
        name: value for name, value in found.items() if "json" not in name and "fields" not in name
    }


def _judged(part: ImageQuestionPart, parameters: Parameters) -> ImageQuestionPart:
    chosen = drawn_rows(range(len(part)), parameters.judged_rows, parameters.seed)
    _, groups = np.unique(part.groups[list(chosen)], return_inverse=True)
    return ImageQuestionPart(
        [part.paths[row] for row in chosen],
        [part.questions[row] for row in chosen],
        [part.answers[row] for row in chosen],
        groups,
    )


def other_pictures(paths: Sequence[Path]) -> torch.Tensor:
    """Return the number of another picture for each row, [n]; of one picture alone, that one.

    It is the next one in an order that is drawn, as neighbours in a file may be alike.
    """
    numbers = picture_numbers(paths)
    count = int(numbers.max()) + 1
    order = torch.from_numpy(np.random.default_rng(0).permutation(count))
    after = torch.empty(count, dtype=torch.long)
    after[order] = order.roll(-1)
    return after[numbers]


def _examples(part: ImageQuestionPart, texts: Sequence[str], side: int) -> NDArray[np.uint8]:
    rows = sorted(np.random.default_rng(0).permutation(len(part))[:_SHOWN].tolist())
    lines = [f"{part.questions[row]}\n{texts[row]}\n(it is: {part.answers[row]})" for row in rows]
    pictures = PictureReader([part.paths[row] for row in rows], max(side, _SHOWN_SIDE))
    return figures.with_lines(pictures.pixels(range(len(rows))), lines, scale=1)
