"""The recipe `text_classifier`: an encoder and a head, tuned on texts with their classes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from models.bases.folder import BaseModel
from models.data.token_rows import TextEncoder, TokenRows, cut_notices
from models.evaluation import classification, figures
from models.evaluation.calibration import calibration_error, temperature
from models.evaluation.intervals import group_means, mean_interval
from models.evaluation.judged_rows import known_bounds, observations
from models.networks.encoder import (
    Encoder,
    EncoderClassifier,
    HeadFeatures,
    merged,
    run_sorted,
    text_encoder,
)
from models.networks.encoder_export import reading_constants, token_graph, tokenizer_file
from models.networks.linear_probe import fit_head
from models.recipes.text_classifier.parameters import Parameters
from models.training.devices import move_network
from models.training.learned_weights import LearnedWeights
from models.training.length_batches import LengthBatches
from models.training.loop import TrainingTask
from models.training.recipe_code import Constant, Evaluation, Graph, RecipeCode, TaskSetup
from models.training.supervised_task import Batch, LossTask
from models.training.validation import with_validation
from models.training_data import labelled_texts
from models.training_data.labelled_texts import LabelledTexts

_LEAST_TO_CALIBRATE = 20
"""Validation rows below which no temperature is fitted."""


def build(parameters: Parameters, data: LabelledTexts, base: BaseModel) -> EncoderClassifier:
    """Return a new classifier of the data's classes on a base. Raises BadData."""
    return EncoderClassifier(Encoder(base, parameters), data.labels, base)


def task(setup: TaskSetup[Parameters, LabelledTexts]) -> TrainingTask:
    """Return the training of a classifier on the channel's rows. Raises BadData, ValueError."""
    network, parameters = setup.network, setup.parameters
    assert isinstance(network, EncoderClassifier)
    rows = text_encoder(network.base, parameters).rows(setup.data.train.texts)
    classes = torch.from_numpy(setup.data.train.classes)
    kept = LearnedWeights(network)
    weights = class_weights(setup.data) if parameters.class_weights == "balanced" else None
    move_network(network, setup.device)
    learned: list[torch.Tensor] = []
    if parameters.probe or parameters.way == "head":
        network.eval()
        learned = [torch.stack(run_sorted(HeadFeatures(network), rows))]
    if parameters.probe:
        fit_head(network.head.cpu(), learned[0], classes, weights)
    every = [*learned, classes] if parameters.way == "head" else [*rows.tensors, classes]
    given, validation = with_validation(every, parameters, kept, setup.data.train.groups.tolist())
    if parameters.way == "head":
        batches = LengthBatches([1] * len(given[0]), [], given, parameters, setup.group)
    else:
        sizes = given[1].sum(1).tolist()
        batches = LengthBatches(sizes, given[:2], given[2:], parameters, setup.group)
    if weights is not None:
        weights = weights.to(setup.device.torch)

    def loss(model: nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
        assert isinstance(model, EncoderClassifier)
        model.encoder.thaw(number, parameters.steps)
        if parameters.way == "head":
            vectors, wanted = batch
            told = model.classes(vectors)
        else:
            tokens, mask, wanted = batch
            told = model(tokens, mask)
        return {
            "loss": functional.cross_entropy(told, wanted, weight=weights),
            "accuracy": (told.argmax(1) == wanted).float().mean(),
        }

    return LossTask(
        network,
        loss,
        batches,
        parameters,
        setup.device,
        setup.group,
        kept=kept,
        validation=validation,
    )


def class_weights(data: LabelledTexts) -> torch.Tensor:
    """Return a weight for each class, [k]: the mean of all classes' rows by its own."""
    counts = np.bincount(data.train.classes, minlength=len(data.labels))
    return torch.from_numpy(counts.mean() / counts).float()


def evaluate(network: nn.Module, data: LabelledTexts, parameters: Parameters) -> Evaluation:
    """Return metrics of held-out texts, and set the network's temperature by validation rows.

    `accuracy`, `macro_f1` and `matthews` have 95% intervals over groups of texts, of which
    `accuracy` is the mean. `gain_over_majority` is how much more often the model is right than
    always telling the commonest class, paired by group.
    `calibration_error` is that of the probabilities as they are, and `…_at_temperature` of those
    that serve.
    """
    assert isinstance(network, EncoderClassifier)
    reader = text_encoder(network.base, parameters)
    network.temperature = _fitted_temperature(network, reader, data)
    logits = _logits(network, reader.rows(data.test.texts))
    wanted, told = data.test.classes, logits.argmax(1)
    counts = classification.confusion(wanted, told, len(data.labels))
    groups = data.test.groups
    right = group_means((told == wanted).astype(np.float64), groups)
    majority = group_means((wanted == data.commonest).astype(np.float64), groups)
    numbers = {
        **mean_interval(right).numbers("accuracy"),
        **classification.class_numbers(wanted, told, len(data.labels), groups),
        **mean_interval(right - majority).numbers("gain_over_majority"),
        "calibration_error": calibration_error(logits, wanted),
        "calibration_error_at_temperature": calibration_error(logits / network.temperature, wanted),
        "temperature": network.temperature,
    }
    known, unknown = known_bounds(numbers, *observations(groups, "texts"))
    pictures = {"classes": figures.confusion_matrix(counts, data.labels)}
    return Evaluation(known, pictures, {"accuracy": right}, unknown=unknown)


def _fitted_temperature(
    network: EncoderClassifier, reader: TextEncoder, data: LabelledTexts
) -> float:
    held = data.validation
    if len(held.texts) < _LEAST_TO_CALIBRATE:
        return 1.0
    return temperature(_logits(network, reader.rows(held.texts)), held.classes)


def _logits(network: EncoderClassifier, rows: TokenRows) -> NDArray[np.float64]:
    found: NDArray[np.float64] = torch.stack(run_sorted(network, rows)).double().numpy()
    return found


def graphs(network: nn.Module, parameters: Parameters) -> Mapping[str, Graph]:
    """Return the graph, with adapters merged; how many texts there are, and how long, may vary."""
    assert isinstance(network, EncoderClassifier)
    return {"classifier": token_graph(merged(network), "logits", parameters)}


def learned(network: nn.Module) -> Mapping[str, Constant]:
    """Return the classes and what else a server needs."""
    assert isinstance(network, EncoderClassifier)
    return {
        "labels": network.labels,
        "temperature": network.temperature,
        **reading_constants(network),
    }


def check(parameters: Parameters, data: LabelledTexts, base: BaseModel) -> list[str]:
    """Return how many texts are cut. Raises BadData for another tokenizer than the base's."""
    texts = [*data.train.texts, *data.validation.texts, *data.test.texts]
    return cut_notices(text_encoder(base, parameters), texts)


CODE: RecipeCode[Parameters, LabelledTexts] = RecipeCode(
    parameters=Parameters,
    load=labelled_texts.read,
    build=build,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=lambda _parameters: {},
    learned=learned,
    network_files=tokenizer_file,
    validation=LabelledTexts.for_trial,
    check=check,
)
