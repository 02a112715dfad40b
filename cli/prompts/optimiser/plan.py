"""The plan of a search: how many proposals, answers and dollars it will take. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

from chalicelib.contracts.prompts import PromptContent
from chalicelib.errors import InvalidInput
from chalicelib.prompts.rendering import CompiledPrompt, estimate_tokens
from cli.prompts.optimiser.proposals import PromptProposal
from cli.prompts.optimiser.rounds import plan_rounds, planned_answers
from cli.prompts.optimiser.splits import CaseSplit

_NANODOLLAR = Decimal("0.000000001")
_MARGIN = Decimal("1.25")
"""Of an estimate: answers differ in length from the one that was measured."""


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """Answers by phase, and the dollars that they are expected to take, the margin included.

    `least` is what one full round takes: the examples, the first round, and the held-out cases.
    """

    proposals: int
    example_answers: int
    selection_answers: int
    reflections: int
    held_out_answers: int
    dollars: Decimal
    least: Decimal
    held_out_dollars: Decimal

    @property
    def answers(self) -> int:
        """Return the answers of all phases."""
        return self.example_answers + self.selection_answers + self.held_out_answers

    def require(self, budget: Decimal | None) -> None:
        """Raise `InvalidInput` if a budget is below what one full round needs."""
        if budget is not None and budget < self.least:
            raise InvalidInput(
                f"One full round takes about ${self.least:f}, and the budget is ${budget:f}. Give "
                f"--budget {self.least:f} at least, or fewer --proposals.",
                field="budget",
                limit=format(self.least, "f"),
            )

    def described(self) -> str:
        """Return the plan as one line."""
        reflected = f", {self.reflections} reflections" if self.reflections else ""
        return (
            f"{self.proposals} proposals; {self.answers} answers at most "
            f"({self.example_answers} for examples, {self.selection_answers} to choose, "
            f"{self.held_out_answers} on held-out cases){reflected}; about ${self.dollars:f}"
        )


def plan_halving(
    proposals: Sequence[PromptProposal], split: CaseSplit, measured: Decimal
) -> SearchPlan:
    """Return the plan of a search by halving.

    `measured` are the dollars of one answer of the first proposal, the hand-written prompt; the
    others are taken to cost more by the tokens that they add.
    """
    rounds = plan_rounds(len(proposals), len(split.selection))
    size = _mean_size(proposals, split)
    first = rounds[0].proposals * rounds[0].cases
    selection = planned_answers(rounds)
    held_out = 2 * len(split.held_out)
    held_out_dollars = measured * len(split.held_out) * (1 + size)
    examples = measured * len(split.examples)
    return SearchPlan(
        proposals=len(proposals),
        example_answers=len(split.examples),
        selection_answers=selection,
        reflections=0,
        held_out_answers=held_out,
        dollars=rounded(examples + measured * size * selection + held_out_dollars),
        least=rounded(examples + measured * size * first + held_out_dollars),
        held_out_dollars=rounded(held_out_dollars),
    )


def plan_reflection(
    proposals: int, minibatch: int, split: CaseSplit, measured: Decimal, reflected: Decimal
) -> SearchPlan:
    """Return the plan of a search by reflection; `reflected` are the dollars of one reflection.

    A proposal is tried on a minibatch, beside the prompt that it changes, and on all cases for
    selection if it is better there.
    """
    each = 2 * minibatch + len(split.selection)
    selection = len(split.selection) + proposals * each
    held_out = 2 * len(split.held_out)
    one_round = measured * (len(split.selection) + each + held_out) + reflected
    return SearchPlan(
        proposals=proposals,
        example_answers=0,
        selection_answers=selection,
        reflections=proposals,
        held_out_answers=held_out,
        dollars=rounded(measured * (selection + held_out) + reflected * proposals),
        least=rounded(one_round),
        held_out_dollars=rounded(measured * held_out),
    )


def rounded(amount: Decimal) -> Decimal:
    """Return dollars with the margin, rounded up to nano-dollars."""
    return (amount * _MARGIN).quantize(_NANODOLLAR, ROUND_UP).normalize() + Decimal(0)


def _mean_size(proposals: Sequence[PromptProposal], split: CaseSplit) -> Decimal:
    """Return the mean tokens of the proposals' calls, over those of the first proposal."""
    sizes = [_size(each.content, split) for each in proposals]
    return Decimal(sum(sizes)) / len(sizes) / sizes[0]


def _size(content: PromptContent, split: CaseSplit) -> int:
    prompt = CompiledPrompt(content)
    case = split.examples[0]
    given = {name: case.variables[name] for name in content.variables if name in case.variables}
    values = prompt.values(given)
    outputs = dict.fromkeys(prompt.outputs, "?")
    turns = range(len(content.turns))
    return sum(estimate_tokens(prompt.call(turn, values, outputs, "fence")) for turn in turns)
