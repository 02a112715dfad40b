"""The recipe `aligned`: a policy tuned by a reward model or by preference pairs."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from models.data import review_pairs
from models.data.review_pairs import Preferences, ReviewTokenizer
from models.data.text import TOKENIZER
from models.evaluation.intervals import mean_interval
from models.evaluation.sentiment import ReviewVerdict, judge_review, verdict_rates
from models.failures import BadData
from models.networks import decoder
from models.networks.decoder import logits
from models.networks.rollouts import CompletionRows, draw_completions, pair_rows, prompt_rows
from models.recipes.aligned.network import AlignedPolicy, dpo_loss
from models.recipes.aligned.online import online_task
from models.recipes.aligned.parameters import Parameters
from models.recipes.aligned.rewards import reward_function
from models.training import recipe, seeds
from models.training.artefacts import TrainedModel
from models.training.learned_weights import LearnedWeights
from models.training.loop import TrainingTask
from models.training.recipe_code import (
    Constant,
    Evaluation,
    Graph,
    RecipeCode,
    TaskSetup,
    recipe_code,
)
from models.training.supervised_task import Batches, loss_task

DRAWN = 1000


_EVALUATION_STREAM = 2**31


_DUEL_STREAM = 2**31 + 2


_TWO_SIDED = 1.96


@torch.no_grad()
def evaluate(network: torch.nn.Module, data: Preferences, parameters: Parameters) -> Evaluation:
    """Return metrics of 1,000 completions of held-out prompts, by policy and reference.

    `positive_rate` is the share that ended with more good words than bad ones, `positive_rate_low`
    the lower end of its 95% interval, `well_formed` the share that reads as a review, `distinct`
    that of different texts. `kl` is of whole completions, in nats, KL(policy || reference), and
    `kl_high` the upper end of its 95% interval. `reward` is the reward model's mean score.
    """
    assert isinstance(network, AlignedPolicy)
    prompts, begun = prompt_rows(
        data.vocabulary, data.test_pairs[:DRAWN], parameters.context, parameters.most
    )

    def drawn(policy: torch.nn.Module) -> CompletionRows:
        stream = seeds.generator(parameters.seed, _EVALUATION_STREAM)
        return draw_completions(policy, prompts, begun, parameters.most, stream)

    ours, theirs = drawn(network.policy), drawn(network.reference)
    verdicts = verdicts_on(ours, data.vocabulary)
    apart = divergences(network, ours)
    spread = float(apart.std()) / len(apart) ** 0.5
    texts = {tuple(each) for each in ours.completions()}
    return Evaluation(
        {
            **verdict_rates(verdicts),
            "kl": float(apart.mean()),
            "kl_high": float(apart.mean()) + _TWO_SIDED * spread,
            "reward": float(network.reward(ours.ids, ours.mask).mean()),
            "distinct": len(texts) / len(verdicts),
            **verdict_rates(verdicts_on(theirs, data.vocabulary), "reference_"),
            "reference_reward": float(network.reward(theirs.ids, theirs.mask).mean()),
        },
        scores={
            "positive_rate": np.array([each.positive for each in verdicts], np.float64),
            "well_formed": np.array([each.formed for each in verdicts], np.float64),
            "kl": apart.double().numpy(),
        },
    )


@torch.no_grad()
def duel(
    network: torch.nn.Module, champion: TrainedModel, data: Preferences, parameters: Parameters
) -> Mapping[str, float]:
    """Return how often texts of a policy are preferred to the champion's, on held-out prompts.

    `win_rate` is of 1,000 pairs of texts, spread evenly over the prompts, ties as halves, with both
    ends of its 95% interval. The judge is the one of `evaluate`, which no reward knows of. The
    champion is a model of this recipe or of the one that it begins from.

    Raises:
        BadData: it is of another recipe, or was trained by other words.
    """
    assert isinstance(network, AlignedPolicy)
    record = champion.training
    if record.recipe not in ("aligned", "policy"):
        raise BadData(f"The champion is a model of {record.recipe}, which writes no reviews.")
    words = champion.folder / TOKENIZER
    if not words.is_file() or words.read_bytes() != data.vocabulary.file:
        raise BadData("The champion was trained by other words than the channel has.")
    theirs = _policy(champion)
    distinct = list({each.prompt: each for each in data.test_pairs}.values())
    rows = list(itertools.islice(itertools.cycle(distinct), DRAWN))
    prompts, begun = prompt_rows(data.vocabulary, rows, parameters.context, parameters.most)

    def worths(policy: torch.nn.Module, stream: int) -> NDArray[np.float64]:
        chance = seeds.generator(parameters.seed, stream)
        written = draw_completions(policy, prompts, begun, parameters.most, chance)
        return np.array([each.worth for each in verdicts_on(written, data.vocabulary)], np.float64)

    better = np.sign(worths(network.policy, _DUEL_STREAM) - worths(theirs, _DUEL_STREAM + 1))
    return mean_interval((better + 1) / 2).numbers("win_rate")


def _policy(trained: TrainedModel) -> torch.nn.Module:
    """Return the policy of a trained model, with its weights."""
    name = trained.training.recipe
    settings = recipe.parameters_of(name).model_validate(trained.training.settings)
    network = recipe_code(name).network(settings)
    network.load_state_dict(dict(trained.weights))
    return (network.policy if isinstance(network, AlignedPolicy) else network).eval()


def verdicts_on(written: CompletionRows, vocabulary: ReviewTokenizer) -> list[ReviewVerdict]:
    """Return the judge's verdict on each completion."""
    rows = zip(written.completions(), written.ended.tolist(), strict=True)
    return [judge_review(vocabulary.text(ids), ended) for ids, ended in rows]


def divergences(network: AlignedPolicy, written: CompletionRows) -> torch.Tensor:
    """Return the sum of KL(policy || reference) of next tokens over each completion, [n].

    The mean over the policy's completions is the KL of whole completions.
    """
    ours = functional.log_softmax(logits(network.policy, written.ids[:, :-1]), dim=2)
    theirs = functional.log_softmax(logits(network.reference, written.ids[:, :-1]), dim=2)
    each = (ours.exp() * (ours - theirs)).sum(2)
    return (each * written.answered).sum(1)


def graphs(network: nn.Module, parameters: Parameters) -> Mapping[str, Graph]:
    """Return the graph of the policy."""
    assert isinstance(network, AlignedPolicy)
    return decoder.decoder_graphs(network.policy, parameters)


def constants(parameters: Parameters) -> Mapping[str, Constant]:
    """Return the constants that a server needs."""
    return decoder.decoder_constants(parameters)


Found = TaskSetup[Parameters, Preferences]


def begin(network: nn.Module, bases: Mapping[str, TrainedModel]) -> None:
    """Load the policy's weights into policy and reference, and the reward model's."""
    assert isinstance(network, AlignedPolicy)
    policy = dict(bases["policy"].weights)
    network.policy.load_state_dict(policy)
    network.reference.load_state_dict(policy)
    network.reward.load_state_dict(dict(bases["reward"].weights))


def task(setup: Found) -> TrainingTask:
    """Return the training by the chosen method. Raises BadData and BadRecipe."""
    setup.data.require(setup.parameters.vocabulary)
    return _direct(setup) if setup.parameters.method == "dpo" else _online(setup)


def _online(setup: Found) -> TrainingTask:
    parameters, network = setup.parameters, setup.network
    assert isinstance(network, AlignedPolicy)
    prompts = prompt_rows(
        setup.data.vocabulary, setup.data.train_pairs, parameters.context, parameters.most
    )
    of_prompts = parameters.model_copy(update={"batch": parameters.batch // parameters.group})
    return online_task(
        network,
        reward_function(network.reward, parameters),
        Batches(prompts, of_prompts, setup.group),
        parameters,
        setup.device,
        setup.group,
    )


def _direct(setup: Found) -> TrainingTask:
    parameters, data = setup.parameters, setup.data
    liked, other = pair_rows(data.vocabulary, data.train_pairs, parameters.context)
    rows = [*liked.tensors, *other.tensors]
    return loss_task(setup, dpo_loss(parameters), rows, kept=LearnedWeights(setup.network))


CODE: RecipeCode[Parameters, Preferences] = RecipeCode(
    parameters=Parameters,
    load=review_pairs.read,
    network=AlignedPolicy,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=constants,
    begin=begin,
    files=review_pairs.files,
    duel=duel,
)
