"""The recipe `adapted`: fine-tuning of a language model, exported as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.data import instructions
from models.data.instructions import Instruction, Instructions
from models.data.text import END, PAD, TOKENIZER
from models.evaluation.intervals import mean_interval
from models.evaluation.text_overlap import overlap
from models.networks import decoder
from models.networks.adapted_decoder import AdaptedDecoder
from models.networks.decoder import generate
from models.recipes.adapted.network import make_network, objective, prefix
from models.recipes.adapted.parameters import Parameters
from models.training.artefacts import TrainedModel
from models.training.learned_weights import LearnedWeights
from models.training.loop import TrainingTask
from models.training.recipe_code import Constant, Evaluation, Graph, RecipeCode, TaskSetup
from models.training.supervised_task import loss_task

SHOTS = 2


_MOST = 32


def evaluate(network: torch.nn.Module, data: Instructions, parameters: Parameters) -> Evaluation:
    """Return the shares of exactly right answers to held-out tasks, with intervals.

    `exact_match` is of the merged model, and so are BLEU and ROUGE of its answers. `zero_shot` and
    `few_shot` are of the base: asked as it is, and with two tasks and their answers before.
    `trainable_share` is what learned of all.
    """
    assert isinstance(network, AdaptedDecoder)
    merged = network.merged().eval()
    told = answers(merged, data.tokenizer, data.test, prefix(parameters))
    right = {
        "exact_match": matches(told, data.test),
        "zero_shot": exact(network.base, data.tokenizer, data.test),
        "few_shot": exact(network.base, data.tokenizer, data.test, shots=data.train[:SHOTS]),
    }
    numbers: dict[str, float] = {}
    for name, each in right.items():
        bounds = mean_interval(each)
        numbers |= {name: float(each.mean())}
        numbers |= {f"{name}_low": bounds.low, f"{name}_high": bounds.high}
    numbers |= overlap(told, [each.completion.strip() for each in data.test])
    numbers["trainable_share"] = network.trainable_share()
    return Evaluation(numbers, scores={"exact_match": right["exact_match"]})


def exact(
    decoder: torch.nn.Module,
    tokenizer: Tokenizer,
    tasks: Sequence[Instruction],
    before: Sequence[int] = (),
    shots: Sequence[Instruction] = (),
) -> NDArray[np.float64]:
    """Return 1 for each task whose greedy answer matches exactly, else 0, [n]."""
    return matches(answers(decoder, tokenizer, tasks, before, shots), tasks)


def matches(told: Sequence[str], tasks: Sequence[Instruction]) -> NDArray[np.float64]:
    """Return 1 for each answer that matches exactly, else 0, [n]."""
    return np.array(
        [float(one == each.completion.strip()) for one, each in zip(told, tasks, strict=True)]
    )


def answers(
    decoder: torch.nn.Module,
    tokenizer: Tokenizer,
    tasks: Sequence[Instruction],
    before: Sequence[int] = (),
    shots: Sequence[Instruction] = (),
) -> list[str]:
    """Return the greedy answer to each task."""
    shown = "".join(f"{each.prompt}{each.completion}\n" for each in shots)
    prompts = [[*before, *tokenizer.encode(shown + each.prompt).ids] for each in tasks]
    longest = max(map(len, prompts))
    tokens = torch.full((len(prompts), longest), PAD)
    mask = torch.zeros_like(tokens)
    for row, prompt in enumerate(prompts):
        tokens[row, longest - len(prompt) :] = torch.tensor(prompt)
        mask[row, longest - len(prompt) :] = 1
    written = generate(decoder, tokens, _MOST, mask=mask)
    told = [tokenizer.decode(_until_end(row)) for row in written.tolist()]
    # A base has not learned to stop, so its answer is the first line.
    return [each.split("\n")[0].strip() for each in told]


def _until_end(tokens: Sequence[int]) -> Sequence[int]:
    return tokens[: tokens.index(END)] if END in tokens else tokens


def graphs(model: torch.nn.Module, parameters: Parameters) -> Mapping[str, Graph]:
    """Return the graph of the merged decoder."""
    assert isinstance(model, AdaptedDecoder)
    return decoder.decoder_graphs(model.merged(), parameters)


def constants(parameters: Parameters) -> Mapping[str, Constant]:
    """Return the constants that a server needs, with the length of the tuned prompt."""
    found = decoder.decoder_constants(parameters, len(prefix(parameters)))
    return {**found, "way": parameters.way}


def files(data: Instructions, parameters: Parameters) -> Mapping[str, bytes]:
    """Return the tokenizer, which is the base's."""
    return {TOKENIZER: data.file}


BASE = "base"


def begin(model: torch.nn.Module, bases: Mapping[str, TrainedModel]) -> None:
    """Load the language model's weights. Raises BadData if their sizes differ."""
    assert isinstance(model, AdaptedDecoder)
    model.begin(bases[BASE])


def task(setup: TaskSetup[Parameters, Instructions]) -> TrainingTask:
    """Return the training on the channel's tasks. Raises BadData."""
    parameters, model = setup.parameters, setup.network
    assert isinstance(model, AdaptedDecoder)
    setup.data.require(parameters.vocabulary)
    model.require(setup.data.file)
    rows = setup.data.encoded(parameters.context - len(prefix(parameters)))
    given = [torch.from_numpy(rows.tokens), torch.from_numpy(rows.answers)]
    return loss_task(setup, objective(parameters), given, kept=LearnedWeights(model))


CODE: RecipeCode[Parameters, Instructions] = RecipeCode(
    parameters=Parameters,
    load=instructions.read,
    network=make_network,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=constants,
    begin=begin,
    files=files,
)
