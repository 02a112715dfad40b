"""The recipe `visual_question_answering`: a base learns to answer questions about pictures."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from models.bases.folder import BaseModel
from models.networks import vision_language_export as export
from models.networks.base_decoder import read_base_tokenizer
from models.networks.chat_tokens import ChatRows
from models.networks.image_question_tokens import encode_questions
from models.networks.image_text import scaled_pixels
from models.networks.picture_batches import PictureBatches
from models.networks.vision_language import (
    TunedVisionLanguage,
    picture_numbers,
    picture_side,
    pixel_range,
    question_prompt,
    require_fitting_base,
)
from models.recipes.visual_question_answering.judgement import evaluate
from models.recipes.visual_question_answering.parameters import Parameters
from models.training.learned_weights import LearnedWeights
from models.training.loop import TrainingTask
from models.training.recipe_code import RecipeCode, TaskSetup
from models.training.supervised_task import Batch, LossTask
from models.training.validation import with_validation
from models.training_data import image_questions
from models.training_data.captioned_pictures import PictureReader
from models.training_data.image_questions import ImageQuestions


def build(parameters: Parameters, _data: ImageQuestions, base: BaseModel) -> TunedVisionLanguage:
    """Return the base with what is tuned on it. Raises BadData."""
    return TunedVisionLanguage(base, parameters)


def check(parameters: Parameters, data: ImageQuestions, base: BaseModel) -> list[str]:
    """Return nothing to tell. Raises BadData, with the line, for a row that does not fit."""
    tokenizer = read_base_tokenizer(base)
    prompt = question_prompt(base, parameters, tokenizer)
    require_fitting_base(base, parameters)
    picture_side(base)
    pixel_range(base)
    for name, part in (("train", data.train), ("test", data.test)):
        encode_questions(prompt, part, parameters, tokenizer.end, name)
    return []


def task(setup: TaskSetup[Parameters, ImageQuestions]) -> TrainingTask:
    """Return the training on the channel's rows. Raises BadData, ValueError."""
    network, parameters, part = setup.network, setup.parameters, setup.data.train
    assert isinstance(network, TunedVisionLanguage)
    encoded = encode_questions(network.questions, part, parameters, network.end, "train")
    rows = ChatRows(encoded, network.end)
    kept = LearnedWeights(network)
    pictures = PictureReader([*dict.fromkeys(part.paths)], network.side)
    every = [picture_numbers(part.paths), rows.tokens, rows.places, rows.weights]
    given, validation = with_validation(every, parameters, kept, part.groups.tolist())

    def loss(model: nn.Module, batch: Batch, _: int) -> Mapping[str, torch.Tensor]:
        assert isinstance(model, TunedVisionLanguage)
        numbers, tokens, places, weights = batch
        shown, at = numbers.cpu().unique(return_inverse=True)
        seen = model.see(scaled_pixels(pictures, shown.tolist()).to(numbers.device))
        losses = model(seen[at.to(numbers.device)], tokens, places)
        return {"loss": (losses * weights).sum() / weights.sum()}

    return LossTask(
        network,
        loss,
        PictureBatches(given[0], given, parameters, setup.group),
        parameters,
        setup.device,
        setup.group,
        kept=kept,
        validation=validation,
    )


CODE: RecipeCode[Parameters, ImageQuestions] = RecipeCode(
    parameters=Parameters,
    load=image_questions.read,
    build=build,
    task=task,
    evaluate=evaluate,
    graphs=export.vision_language_graphs,
    constants=lambda _parameters: {},
    learned=export.vision_language_constants,
    network_files=export.vision_language_files,
    validation=ImageQuestions.for_trial,
    check=check,
)
