"""The recipe `reward_model`: scores learned from preference pairs, on the policy's body."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.data import review_pairs
from models.data.review_pairs import Preferences
from models.data.text import END, PAD
from models.evaluation.calibration import calibration_error, temperature
from models.evaluation.intervals import wilson_lower_bound
from models.evaluation.sentiment import judge_review
from models.networks.preference_losses import bradley_terry
from models.networks.rollouts import CompletionRows, RewardScorer, pair_rows
from models.recipes.reward_model.parameters import Parameters
from models.training import seeds
from models.training.artefacts import TrainedModel
from models.training.loop import TrainingTask
from models.training.recipe_code import Constant, Evaluation, Graph, RecipeCode, TaskSetup
from models.training.supervised_task import Batch, Loss, loss_task


def objective(parameters: Parameters) -> Loss:
    """Return the loss of batches of chosen and rejected rows, ids, begun and sizes of each.

    -log sigmoid(chosen - rejected), L. Ouyang et al., equation 1, plus centre times
    (chosen + rejected)^2, J. Eisenstein et al., https://arxiv.org/abs/2312.09244; means over pairs.
    """

    def loss(network: torch.nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
        chosen, rejected = CompletionRows(*batch[:3]), CompletionRows(*batch[3:])
        ids, mask = torch.cat([chosen.ids, rejected.ids]), torch.cat([chosen.mask, rejected.mask])
        liked, other = network(ids, mask).chunk(2)
        apart = bradley_terry(liked, other)
        return {
            "loss": apart + parameters.centre * (liked + other).square().mean(),
            "accuracy": (liked > other).float().mean(),
            "margin": (liked - other).mean(),
        }

    return loss


@torch.no_grad()
def evaluate(network: torch.nn.Module, data: Preferences, parameters: Parameters) -> Evaluation:
    """Return metrics of the held-out pairs, in a fiftieth of which raters err.

    `pair_accuracy` is the share whose chosen text has the higher score, `pair_accuracy_low` the
    lower end of its 95% interval. `valence_correlation` is that of scores with good words less bad
    ones, by a list of words that nothing was trained on, over whole reviews. The temperature is
    fitted on half of the pairs, and `calibration_error` before and after is of the other half.
    """
    chosen, rejected = scores(network, data, parameters)
    margins = chosen - rejected
    hits = int((margins > 0).sum())
    logits = np.stack([margins, np.zeros_like(margins)], axis=1)
    first, other = logits[::2], logits[1::2]
    heat = temperature(first, np.zeros(len(first), np.int64))
    right = np.zeros(len(other), np.int64)
    verdicts = [judge_review(each.chosen, ended=True) for each in data.test_pairs]
    whole = np.array([each.formed for each in verdicts])
    valences = np.array([each.valence for each in verdicts])
    return Evaluation(
        {
            "pair_accuracy": hits / len(margins),
            "pair_accuracy_low": wilson_lower_bound(hits, len(margins)),
            "valence_correlation": float(np.corrcoef(chosen[whole], valences[whole])[0, 1]),
            "mean_chosen": float(chosen.mean()),
            "mean_rejected": float(rejected.mean()),
            "temperature": heat,
            "calibration_error": calibration_error(other, right),
            "calibration_error_at_temperature": calibration_error(other / heat, right),
        },
        scores={"pair_accuracy": (margins > 0).astype(np.float64)},
    )


def scores(
    network: torch.nn.Module, data: Preferences, parameters: Parameters
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the scores of the chosen and of the rejected texts that are held out, [n] each."""
    liked, other = pair_rows(data.vocabulary, data.test_pairs, parameters.context)
    return _scores(network, liked), _scores(network, other)


def _scores(network: torch.nn.Module, rows: CompletionRows) -> NDArray[np.float64]:
    told: NDArray[np.float64] = network(rows.ids, rows.mask).double().numpy()
    return told


_EXAMPLES_STREAM = 2**31 + 1


_FIRST_WORD = 3


def graphs(network: nn.Module, parameters: Parameters) -> Mapping[str, Graph]:
    """Return the graph; how many rows there are, and how long, may vary."""

    def rows(count: int, length: int) -> tuple[torch.Tensor, torch.Tensor]:
        stream = seeds.generator(parameters.seed, _EXAMPLES_STREAM, count)
        shape = (count, length)
        tokens = torch.randint(_FIRST_WORD, parameters.vocabulary, shape, generator=stream)
        sizes = torch.randint(2, length + 1, (count,), generator=stream)
        mask = (torch.arange(length)[None] < sizes[:, None]).long()
        tokens = torch.where(mask == 1, tokens, PAD)
        ended = sizes[1:] - 1  # the first row is left without its end
        tokens[torch.arange(1, count), ended] = END
        return tokens, mask

    return {
        "scorer": Graph(
            network,
            inputs=("tokens", "mask"),
            outputs=("score",),
            examples=rows(2, 6),
            trial=rows(64, parameters.context),
            varying={
                "tokens": {0: "count", 1: "length"},
                "mask": {0: "count", 1: "length"},
            },
        )
    }


def constants(parameters: Parameters) -> Mapping[str, Constant]:
    """Return the constants that a server needs."""
    return {
        "end": END,
        "pad": PAD,
        "context": parameters.context,
        "vocabulary": parameters.vocabulary,
        "unended": parameters.unended,
    }


_BODY = "model."


def make_network(parameters: Parameters) -> nn.Module:
    """Return a new scorer."""
    return RewardScorer(parameters, parameters.unended)


def begin(network: nn.Module, bases: Mapping[str, TrainedModel]) -> None:
    """Load the policy's body into the scorer."""
    assert isinstance(network, RewardScorer)
    weights = bases["policy"].weights
    network.body.load_state_dict(
        {name.removeprefix(_BODY): each for name, each in weights.items() if name.startswith(_BODY)}
    )


def task(setup: TaskSetup[Parameters, Preferences]) -> TrainingTask:
    """Return the training of a scorer on the channel's pairs. Raises BadData."""
    parameters, data = setup.parameters, setup.data
    data.require(parameters.vocabulary)
    liked, other = pair_rows(data.vocabulary, data.train_pairs, parameters.context)
    rows = [*liked.tensors, *other.tensors]
    return loss_task(setup, objective(parameters), rows)


CODE: RecipeCode[Parameters, Preferences] = RecipeCode(
    parameters=Parameters,
    load=review_pairs.read,
    network=make_network,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=constants,
    begin=begin,
    files=review_pairs.files,
)
