"""The recipe `reinforcement_tuning`: a base decoder learns from rewards of its own answers.

GRPO: Z. Shao et al., https://arxiv.org/abs/2402.03300. PPO: J. Schulman et al.,
https://arxiv.org/abs/1707.06347, of language models by D. Ziegler et al.,
https://arxiv.org/abs/1909.08593, and L. Ouyang et al., https://arxiv.org/abs/2203.02155.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from models.bases.folder import BaseModel
from models.evaluation.intervals import group_means, mean_interval
from models.evaluation.judged_rows import known_bounds, observations
from models.failures import BadRecipe
from models.networks.answer_groups import AnswerGroups
from models.networks.base_decoder import read_base_tokenizer
from models.networks.chat_tokens import ChatTokens
from models.networks.drawn_answers import divergences
from models.networks.exported_scorer import ExportedScorer
from models.networks.online_task import OnlineTask
from models.networks.preference_rows import answer_alone
from models.networks.tuned_chats import (
    encoder,
    end_token,
    graphs,
    learned,
    network_files,
)
from models.networks.tuned_decoder import TunedDecoder
from models.networks.value_head import ValueHead
from models.recipes.instruction_tuning import parameters as answering
from models.recipes.instruction_tuning import recipe as answers
from models.recipes.instruction_tuning.answered_rows import answer_rows
from models.recipes.instruction_tuning.recipe import Conversations
from models.recipes.reinforcement_tuning.answer_rollouts import AnswerRollouts
from models.recipes.reinforcement_tuning.parameters import REWARD_CHANNEL, Parameters
from models.recipes.reinforcement_tuning.rewards import (
    AnswerRewards,
    answer_rewards,
    require_earnable,
    require_rules,
    reward_numbers,
)
from models.training.artefacts import TrainedModel
from models.training.loop import TrainingTask
from models.training.recipe_code import Evaluation, RecipeCode, TaskSetup
from models.training.supervised_task import Batches


class RewardedDecoder(TunedDecoder):
    """A tuned decoder, with the value head of PPO, and the reward model, which is no part of it."""

    reward_model: ExportedScorer | None = None

    def __init__(self, base: BaseModel, settings: Parameters) -> None:
        """Load the base and add what learns. Raises BadData."""
        super().__init__(base, settings)
        self.value = ValueHead(self.sizes.width) if settings.method == "ppo" else None


def build(parameters: Parameters, data: Conversations, base: BaseModel) -> RewardedDecoder:
    """Return the base with what is tuned on it. Raises BadData."""
    made = RewardedDecoder(base, parameters)
    made.tokenizer.chat_template()
    return made


def attach(network: torch.nn.Module, bases: Mapping[str, TrainedModel]) -> None:
    """Open the reward model beside a network. Raises BadData."""
    assert isinstance(network, RewardedDecoder)
    network.reward_model = ExportedScorer.read(bases[REWARD_CHANNEL].folder)


def rewards_of(network: torch.nn.Module, parameters: Parameters) -> AnswerRewards:
    """Return what scores answers, by the rewards of the settings."""
    assert isinstance(network, RewardedDecoder)
    return answer_rewards(parameters.rewards, network.reward_model)


def check(parameters: Parameters, data: Conversations, base: BaseModel) -> Sequence[str]:
    """Return nothing to tell.

    Raises:
        BadData: a row does not fit, or its own answer earns no reward.
        BadRecipe: a rule can't be used, or an answer has no room in `answer_tokens`.
    """
    require_rules(parameters.rewards)
    for part, rows in (("train", data.train), ("test", data.test)):
        require_earnable(parameters.rewards, [row.messages[-1].content for row in rows], part)
    found = answers.check(judging(parameters), data, base)
    encoded = encoder(read_base_tokenizer(base))
    require_room(parameters, [encoded.encode(row.messages) for row in data.train])
    return found


def require_room(parameters: Parameters, rows: Sequence[ChatTokens]) -> None:
    """Raise BadRecipe if an answer as it is wanted could not be drawn to its end.

    A reward model alone wants no certain answer.
    """
    if all(rule.type == "reward_model" for rule in parameters.rewards):
        return
    longest, number = max((len(row.ids) - row.answer, at) for at, row in enumerate(rows, 1))
    if longest > parameters.answer_tokens:
        raise BadRecipe(
            f"answer_tokens: is {parameters.answer_tokens}, and the wanted answer of train.jsonl, "
            f"line {number}, has {longest} with its end, so that it could earn nothing: set "
            f"answer_tokens={longest} at least."
        )


def task(setup: TaskSetup[Parameters, Conversations]) -> TrainingTask:
    """Return the training on the channel's prompts. Raises BadData and BadRecipe."""
    model, p = setup.network, setup.parameters
    assert isinstance(model, RewardedDecoder)
    require_rules(p.rewards)
    require_earnable(p.rewards, [row.messages[-1].content for row in setup.data.train], "train")
    rows: list[ChatTokens] = answers.encode(model, setup.data.train, "train")
    require_room(p, rows)
    of_prompts = p.model_copy(update={"batch": p.batch // p.samples})
    prompts = Batches([torch.arange(len(rows))], of_prompts, setup.group)
    source = AnswerRollouts(
        model,
        rows,
        setup.data.train,
        rewards_of(model, p),
        prompts,
        end_token(model),
        p,
        setup.device,
        model.value,
    )
    found: OnlineTask[AnswerGroups] = OnlineTask(
        model, source, p.method, p, setup.device, setup.group
    )
    return found


def judging(parameters: Parameters) -> answering.Parameters:
    """Return the settings by which instruction tuning judges answers."""
    names = answering.Parameters.model_fields
    given = {name: value for name, value in parameters if name in names}
    return answering.Parameters.model_validate(given)


@torch.no_grad()
def evaluate(network: torch.nn.Module, data: Conversations, parameters: Parameters) -> Evaluation:
    """Return how tuned model and base answer held-out rows, and how far they are apart.

    Beside the numbers of instruction tuning, `reward` is the mean reward of the answers, and
    `reward_gain` by how much it is above that of the better way to ask the base. `ended` is the
    share of answers that come to their end, and `ended_gain` by how much more do than of the base,
    asked alike. `kl` is the divergence from the base of a drawn answer, in nats.
    """
    assert isinstance(network, TunedDecoder)
    answered = answer_rows(network, data, parameters.judged_rows, parameters.seed)
    earned, rewards = reward_numbers(answered, rewards_of(network, parameters))
    rows = [answer_alone(row) for row in answered.encoded]
    apart, tokens = divergences(network, rows, parameters.seed)
    drawn = answered.groups[: len(apart)]
    numbers = {
        **answered.numbers(),
        **earned,
        **mean_interval(group_means(apart, drawn)).numbers("kl"),
        **mean_interval(group_means(apart / tokens, drawn)).numbers("kl_by_token"),
    }
    known, unknown = known_bounds(numbers, *observations(answered.groups))
    scores = {**answered.tuned.row_scores(), "reward": rewards}
    return Evaluation(known, scores=scores, unknown=unknown)


def measured(
    folder: Path, network: torch.nn.Module, data: Conversations, parameters: Parameters
) -> Mapping[str, float]:
    """Return the perplexity of held-out answers by the exported files. Raises OutOfParity."""
    return answers.measured(folder, network, data, judging(parameters))


CODE: RecipeCode[Parameters, Conversations] = RecipeCode(
    parameters=Parameters,
    load=answers.read,
    build=build,
    attach=attach,
    check=check,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=lambda _parameters: {},
    learned=learned,
    network_files=network_files,
    measured=measured,
)
