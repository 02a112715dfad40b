"""Answers that a tuned decoder draws to the prompts of rows, with their rewards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from models.networks.answer_groups import (
    AnswerGroups,
    read_groups,
    token_log_p,
    vectors_before,
)
from models.networks.chat_tokens import ChatTokens
from models.networks.drawn_answers import draw_answers
from models.networks.online_task import Rollout
from models.networks.tuned_decoder import TunedDecoder
from models.networks.value_head import ValueHead
from models.recipes.reinforcement_tuning.parameters import Parameters
from models.recipes.reinforcement_tuning.rewards import AnswerRewards, DrawnAnswer
from models.training.devices import Device
from models.training.supervised_task import Batches
from models.training_data.rows import ChatExample


@dataclass(frozen=True, slots=True)
class AnswerRollouts:
    """Draws `samples` answers to each prompt of a step, and reads them by model and base.

    `prompts` draws numbers of rows, `conversations` are the rows as texts, and `end` is the token
    that ends an answer. `value` expects rewards, where the method has it.
    """

    network: TunedDecoder
    rows: Sequence[ChatTokens]
    conversations: Sequence[ChatExample]
    rewards: AnswerRewards
    prompts: Batches
    end: int
    parameters: Parameters
    device: Device
    value: ValueHead | None = None

    def draw(self, number: int) -> Rollout[AnswerGroups]:
        """Return the rewarded answers of step `number`."""
        p = self.parameters
        (numbers,) = self.prompts.at(number)
        chosen = numbers.tolist()
        asked = [self.rows[at].ids[: self.rows[at].answer] for at in chosen]
        written = draw_answers(
            self.network,
            asked,
            p.answer_tokens,
            self.end,
            temperature=p.temperature,
            samples=p.samples,
        )
        chat = self.network.tokenizer.chat()
        answers = [
            DrawnAnswer(
                chat.text([each for each in tokens if each != self.end]),
                tokens[-1] == self.end,
                row.messages[-1].content,
                row.messages[:-1],
            )
            for tokens, row in zip(
                written,
                (self.conversations[at] for at in chosen for _ in range(p.samples)),
                strict=True,
            )
        ]
        groups = AnswerGroups.of(asked, written, p.samples).to(self.device.torch)
        with self.network.plain() as base:
            reference = read_groups(base, groups, p.temperature)
        return Rollout(
            groups,
            groups.mask,
            torch.tensor(self.rewards(answers), device=self.device.torch),
            reference,
            sum(answer.ended for answer in answers) / len(answers),
        )

    def read(self, drawn: AnswerGroups) -> tuple[torch.Tensor, torch.Tensor]:
        """Return log p of each token and the reward expected before it, [n, k] each.

        Without a value head nothing is expected.
        """
        vectors = vectors_before(self.network, drawn)
        found = token_log_p(self.network, vectors, drawn, self.parameters.temperature)
        if self.value is None:
            return found, torch.zeros_like(found)
        return found, self.value(vectors)
