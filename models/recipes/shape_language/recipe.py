"""The recipe `shape_language`: a language model of captions and answers about shapes."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from models.data import questions, words
from models.data.questions import Questions
from models.data.words import BEGIN, END, IMAGE, WholeWordTokenizer
from models.evaluation.perplexity import perplexity
from models.networks.language import FrozenLanguageModel
from models.networks.question_rows import (
    CAPTION,
    answer_labels,
    answer_rows,
    answer_tokens,
    cross_entropy,
    decode_greedily,
    draw_questions,
    question_rows,
    recombine_answers,
    require_length,
    row_answer_labels,
    shuffle_answers,
)
from models.recipes.shape_language.parameters import Parameters
from models.training import seeds
from models.training.loop import TrainingTask
from models.training.recipe_code import Constant, Evaluation, Graph, RecipeCode, TaskSetup
from models.training.supervised_task import Batch, Loss, loss_task


def objective(parameters: Parameters) -> Loss:
    """Return the loss: -log p of a token, in nats, of two kinds of rows, added.

    Both are of answers that are recombined: texts know every pair, also those that no picture has.
    `asked` is of answers to a question after the words that describe a thing, shuffled, some
    unknown. `in_a_row` is of answers of one kind, one after another; the first tells which.
    """

    def loss(network: torch.nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
        assert isinstance(network, FrozenLanguageModel)
        told, questions = recombine_answers(*batch)
        asked = _asked(network, shuffle_answers(told, parameters.lost), draw_questions(questions))
        row = answer_rows(_alike(told, parameters.pictures))
        following = network.after(row.new_zeros((len(row), 0, network.width)), row)
        together = cross_entropy(following, row_answer_labels(row))
        return {"loss": asked + together, "asked": asked, "in_a_row": together}

    return loss


def _asked(network: FrozenLanguageModel, context: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    return cross_entropy(network.after(network.vectors(context), rows), answer_labels(rows))


def _alike(told: torch.Tensor, count: int) -> torch.Tensor:
    """Return answers of one attribute a row, [n, count], of random things."""
    size, attributes = told.shape
    things = torch.randint(size, (size, count)).to(told.device)
    attribute = torch.randint(attributes, (size, 1)).to(told.device)
    return told[things, attribute]


_EVALUATION_STREAM = 2**31


@torch.no_grad()
def evaluate(network: torch.nn.Module, data: Questions, parameters: Parameters) -> Evaluation:
    """Return metrics on things whose colour and shape never occurred together in training.

    `caption_exact` is the share of captions that are written word for word after the words that
    describe a thing, in any order; `answer_accuracy` of questions answered after these words;
    `same_kind` of answers that are of the kind of the two before. `perplexity` is of captions.
    """
    assert isinstance(network, FrozenLanguageModel)
    words = WholeWordTokenizer.of(data, parameters.vocabulary)
    stream = seeds.generator(parameters.seed, _EVALUATION_STREAM)
    told = answer_tokens(words, data.test, data.attributes)
    order = torch.rand(told.shape, generator=stream).argsort(1)
    context = network.vectors(told.gather(1, order))
    questions = question_rows(words, data.test, data.attributes)
    captions = questions[:, CAPTION]
    following = network.after(context, captions)
    right = [_exact(network, context, questions[:, kind]) for kind in range(1, questions.shape[1])]
    return Evaluation(
        {
            "caption_exact": _exact(network, context, captions),
            "answer_accuracy": sum(right) / len(right),
            "same_kind": _same_kind(network, words, data, told),
            "perplexity": perplexity(float(cross_entropy(following, answer_labels(captions)))),
        }
    )


def _exact(network: FrozenLanguageModel, context: torch.Tensor, rows: torch.Tensor) -> float:
    """Return the share of rows whose answer comes out of their question, token for token."""
    begun = int((rows[0] == BEGIN).nonzero()[0]) + 1
    wanted = rows[:, begun:]
    written = decode_greedily(
        lambda all_: network.last(context, all_), rows[:, :begun], wanted.shape[1]
    )
    missing = wanted.shape[1] - written.shape[1]
    whole = torch.nn.functional.pad(written, (0, missing))
    return float((whole == wanted).all(1).float().mean())


def _same_kind(
    network: FrozenLanguageModel, words: WholeWordTokenizer, data: Questions, told: torch.Tensor
) -> float:
    """Return the share of third answers of the kind of the two before, averaged over kinds."""
    right = []
    for at, attribute in enumerate(data.attributes):
        row = answer_rows(torch.stack([told[:, at], told[:, at].roll(1), told[:, at]], dim=1))
        before = row[:, : row.shape[1] - 2]
        chosen = network.last(before.new_zeros((len(row), 0, network.width)), before).argmax(1)
        values = torch.tensor([words.ids(value)[0] for value in data.values(attribute)])
        right.append(float(torch.isin(chosen, values).float().mean()))
    return sum(right) / len(right)


_EXAMPLES_STREAM = 2**31 + 1


class _Next(nn.Module):
    def __init__(self, network: FrozenLanguageModel) -> None:
        super().__init__()
        self._network = network

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        told: torch.Tensor = self._network.decoder(
            input_ids=tokens, use_cache=False, logits_to_keep=1
        ).logits
        return told[:, -1]


def graphs(network: nn.Module, parameters: Parameters) -> Mapping[str, Graph]:
    """Return the graph; the count of rows and their length may vary."""
    assert isinstance(network, FrozenLanguageModel)
    stream = seeds.generator(parameters.seed, _EXAMPLES_STREAM)

    def tokens(count: int, length: int) -> torch.Tensor:
        return torch.randint(0, parameters.vocabulary, (count, length), generator=stream)

    return {
        "decoder": Graph(
            _Next(network),
            inputs=("tokens",),
            outputs=("logits",),
            examples=(tokens(2, 5),),
            trial=(tokens(7, 12),),
            varying={"tokens": {0: "count", 1: "length"}},
        )
    }


def constants(parameters: Parameters) -> Mapping[str, Constant]:
    """Return the constants that a server needs: sizes and special tokens."""
    return {
        "vocabulary": parameters.vocabulary,
        "context": parameters.context,
        "begin": BEGIN,
        "end": END,
        "image": IMAGE,
    }


def task(setup: TaskSetup[Parameters, Questions]) -> TrainingTask:
    """Return the training on the channel's captions and answers, without pictures.

    Raises:
        BadData: the channel has more words or longer captions than the network takes.
    """
    parameters, data = setup.parameters, setup.data
    spoken = WholeWordTokenizer.of(data, parameters.vocabulary)
    told = answer_tokens(spoken, data.train, data.attributes)
    rows = question_rows(spoken, data.train, data.attributes)
    require_length(told.shape[1] + rows.shape[2], parameters.context)
    assert isinstance(setup.network, FrozenLanguageModel)
    setup.network.learn(spoken)
    return loss_task(setup, objective(parameters), [told, rows])


def files(data: Questions, parameters: Parameters) -> Mapping[str, bytes]:
    """Return the tokenizer."""
    return {words.FILE: WholeWordTokenizer.of(data, parameters.vocabulary).written()}


CODE: RecipeCode[Parameters, Questions] = RecipeCode(
    parameters=Parameters,
    load=questions.read,
    network=FrozenLanguageModel,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=constants,
    files=files,
)
