"""The recipe `reward_tuning`: a base decoder learns to score answers from pairs of them.

L. Ouyang et al., https://arxiv.org/abs/2203.02155, equation 1; N. Stiennon et al.,
https://arxiv.org/abs/2009.01325.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from models.bases.folder import BaseModel
from models.evaluation import judged_rows
from models.evaluation.intervals import group_means, mean_interval
from models.evaluation.preference_accuracy import RankedPairs, Values, hits
from models.networks.answer_scorer import (
    AnswerScorer,
    last_places,
    score_rows,
    scorer_constants,
    scorer_files,
    scorer_graphs,
)
from models.networks.chat_tokens import ChatRows
from models.networks.exported_scorer import ExportedScorer
from models.networks.preference_losses import bradley_terry
from models.networks.preference_rows import encode_pairs, read_answers
from models.networks.tuned_chats import build_chat_decoder
from models.networks.tuned_decoder import trainable_share
from models.recipes.preference_tuning import recipe as preferences
from models.recipes.preference_tuning.recipe import Pairs, prompt_groups
from models.recipes.reward_tuning.parameters import Parameters
from models.training.learned_weights import LearnedWeights
from models.training.length_batches import LengthBatches
from models.training.loop import TrainingTask
from models.training.recipe_code import Constant, Evaluation, Graph, RecipeCode, TaskSetup
from models.training.supervised_task import Batch, Loss, LossTask

_SERVED_PAIRS = 12


def build(parameters: Parameters, data: Pairs, base: BaseModel) -> AnswerScorer:
    """Return the base with what is tuned on it, and a head. Raises BadData."""
    return AnswerScorer(build_chat_decoder(parameters, base), parameters.unended)


def task(setup: TaskSetup[Parameters, Pairs]) -> TrainingTask:
    """Return the training on the channel's pairs. Raises BadData."""
    model = setup.network
    assert isinstance(model, AnswerScorer)
    chosen, rejected = encode_pairs(model.decoder, setup.data.train, "train")
    rows = ChatRows([*chosen, *rejected], model.decoder.tokenizer.end)
    count = len(chosen)
    batches = LengthBatches(
        [max(each) for each in zip(rows.sizes[:count], rows.sizes[count:], strict=True)],
        [*rows.tokens.split(count)],
        [last_places(chosen), last_places(rejected)],
        setup.parameters,
        setup.group,
    )
    return LossTask(
        model,
        pair_loss(setup.parameters),
        batches,
        setup.parameters,
        setup.device,
        setup.group,
        kept=LearnedWeights(model),
    )


def pair_loss(parameters: Parameters) -> Loss:
    """Return the loss of batches of pairs: tokens of both, and where each ends.

    -log sigmoid(chosen - rejected), plus centre times (chosen + rejected)^2, J. Eisenstein et al.,
    https://arxiv.org/abs/2312.09244; means over pairs.
    """

    def loss(network: torch.nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
        liked, other = network(torch.cat([*batch[:2]]), torch.cat([*batch[2:]])).chunk(2)
        return {
            "loss": bradley_terry(liked, other)
            + parameters.centre * (liked + other).square().mean(),
            "accuracy": (liked > other).float().mean(),
            "margin": (liked - other).mean(),
        }

    return loss


@torch.no_grad()
def evaluate(network: torch.nn.Module, data: Pairs, parameters: Parameters) -> Evaluation:
    """Return how often held-out pairs are ranked as people do, with intervals over prompts.

    `gain` is over the base's own log p, of answers or of tokens, whichever ranks better, and
    `gain_over_length` over always taking the longer answer, or always the shorter one; over a coin
    where `length_matters`.
    `mean_chosen` and `mean_rejected` are mean scores.
    """
    assert isinstance(network, AnswerScorer)
    pairs = judged_rows.drawn_rows(data.test, parameters.judged_rows, parameters.seed)
    prompts = prompt_groups(pairs)
    both = encode_pairs(network.decoder, pairs, "test")
    liked, other = (_values(score_rows(network, rows)) for rows in both)
    with network.decoder.plain() as base:
        theirs = [read_answers(base, rows) for rows in both]
    log_p, tokens = (
        [_values(getattr(each, name)) for each in theirs] for name in ("log_p", "tokens")
    )
    ranked = RankedPairs(
        rewards=liked - other,
        base=log_p[0] - log_p[1],
        base_by_token=log_p[0] / tokens[0] - log_p[1] / tokens[1],
        longer=tokens[0] - tokens[1],
        prompts=prompts,
    )
    numbers, unknown = ranked.numbers(length_matters=parameters.length_matters)
    right = hits(ranked.rewards)
    by_length = max(hits(ranked.longer), hits(-ranked.longer), key=np.mean)
    if parameters.length_matters:  # what is preferred may be length, which is then no short cut
        by_length = np.full(len(right), 0.5)
    numbers |= {
        "length_accuracy": float(by_length.mean()),
        **mean_interval(group_means(right - by_length, prompts)).numbers("gain_over_length"),
        "mean_chosen": float(liked.mean()),
        "mean_rejected": float(other.mean()),
        "trainable_share": trainable_share(network.decoder),
    }
    known, few = judged_rows.known_bounds(numbers, len(np.unique(prompts)), "prompts")
    return Evaluation(
        known, scores={"accuracy": group_means(right, prompts)}, unknown={**few, **unknown}
    )


def _values(tensor: torch.Tensor) -> Values:
    return np.asarray(tensor.double().numpy(), np.float64)


def graphs(network: torch.nn.Module, _parameters: Parameters) -> Mapping[str, Graph]:
    """Return the graph that scores."""
    assert isinstance(network, AnswerScorer)
    return scorer_graphs(network)


def learned(network: torch.nn.Module) -> Mapping[str, Constant]:
    """Return the constants that are needed to score a conversation."""
    assert isinstance(network, AnswerScorer)
    return scorer_constants(network)


def network_files(network: torch.nn.Module) -> Mapping[str, bytes]:
    """Return the tokenizer and the chat template."""
    assert isinstance(network, AnswerScorer)
    return scorer_files(network)


@torch.no_grad()
def measured(
    folder: Path, network: torch.nn.Module, data: Pairs, parameters: Parameters
) -> Mapping[str, float]:
    """Return how often the exported graph ranks pairs rightly, and as the network does."""
    assert isinstance(network, AnswerScorer)
    pairs = data.test[:_SERVED_PAIRS]
    both = encode_pairs(network.decoder, pairs, "test")
    served = ExportedScorer.of(folder, scorer_constants(network))
    told = [np.array(served.scores([row.ids for row in rows])) for rows in both]
    ours = [_values(score_rows(network, rows)) for rows in both]
    served_margins, margins = told[0] - told[1], ours[0] - ours[1]
    return {
        "served_accuracy": float(hits(served_margins).mean()),
        "served_agreement": float((np.sign(served_margins) == np.sign(margins)).mean()),
    }


CODE: RecipeCode[Parameters, Pairs] = RecipeCode(
    parameters=Parameters,
    load=preferences.read,
    build=build,
    check=preferences.check,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=lambda _parameters: {},
    learned=learned,
    network_files=network_files,
    measured=measured,
)
