"""Reflection by GEPA, with a function in the place of the model that reflects."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal

import pytest

from chalicelib.errors import InvalidInput
from cli.prompts.optimiser.optimisation import OptimisationResult, SearchSettings
from cli.prompts.optimiser.proposals import HAND_WRITTEN
from cli.prompts.optimiser.reflection import parts_of, with_parts
from cli.prompts.optimiser.scoring import SearchEnded
from tests.unit.cli.optimiser.world import Answers, better_with, content, optimisation


@dataclass
class Reflections:
    """Answers reflections one after the other, the last one for ever."""

    says: list[str]
    dollars: Decimal = Decimal("0.01")
    read: list[str] = field(default_factory=list)

    def reflect(self, text: str) -> str:
        self.read.append(text)
        return self.says[min(len(self.read), len(self.says)) - 1]


def run(reflector: Reflections, answers: Answers, seed: int = 1) -> OptimisationResult:
    settings = SearchSettings(method="reflective", proposals=4, seed=seed)
    work = replace(optimisation(answers, settings), reflector=reflector)
    prepared = work.prepare()
    assert prepared.plan.reflections == 4
    result = work.run(prepared)
    held_out = {case.variables["text"] for case in prepared.split.held_out}
    assert not [text for text in reflector.read if any(f"{each}\n" in text for each in held_out)]
    return result


GOOD = "```\nSay odd or even, exactly: {{ text }}\n```"


def test_should_take_a_rewording_that_is_better_and_prove_it() -> None:
    reflector = Reflections(["```\nIt lost the variable\n```", GOOD])
    answers = Answers(better_with("exactly"))
    result = run(reflector, answers)
    assert result.beats
    assert result.search.winner.content.turns[-1].template == "Say odd or even, exactly: {{ text }}"
    assert "Expected: odd" in reflector.read[0]
    assert len(reflector.read) <= 4
    assert not [template for template, _ in answers.asked if "lost the variable" in template]


def test_should_say_the_same_for_the_same_seed() -> None:
    found = [run(Reflections([GOOD]), Answers(better_with("exactly"))) for _ in range(2)]
    assert found[0].compared == found[1].compared
    assert [each.scores for each in found[0].search.standings] == [
        each.scores for each in found[1].search.standings
    ]


def test_should_end_where_reflections_bring_nothing() -> None:
    result = run(Reflections(["no template at all"]), Answers(better_with("exactly")))
    assert result.search.winner.name == HAND_WRITTEN


def test_should_keep_the_best_when_a_reflection_cannot_be_asked() -> None:
    class Ends(Reflections):
        def reflect(self, text: str) -> str:
            raise SearchEnded("a reflection: no money")

    result = run(Ends([]), Answers(better_with("exactly")))
    assert (result.search.winner.name, result.ended) == (HAND_WRITTEN, "a reflection: no money")


def test_should_refuse_texts_that_make_no_valid_prompt() -> None:
    parts = parts_of(content(role="You sort."))
    assert parts == {"role": "You sort.", "turn answer": "Sort this: {{ text }}"}
    with pytest.raises(InvalidInput, match=r"has to use \{\{ text \}\}"):
        with_parts(content(), {"turn answer": "Sort this."})
    with pytest.raises(InvalidInput, match="other"):
        with_parts(content(), {"turn answer": "{{ text }} {{ other }}"})
