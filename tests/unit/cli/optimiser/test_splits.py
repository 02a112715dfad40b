"""The split of a suite's cases: by content alone, so that held-out cases stay held out."""

from __future__ import annotations

import pytest

from chalicelib.contracts.evaluations.suites import SuiteCase
from chalicelib.errors import InvalidInput
from cli.prompts.optimiser.splits import split_cases
from tests.unit.cli.optimiser.world import suite


def test_should_keep_every_case_in_its_part_when_the_suite_grows() -> None:
    small, large = split_cases(suite(60).cases), split_cases(suite(200).cases)
    for part in ("examples", "selection", "held_out"):
        before = {case.id for case in getattr(small, part)}
        assert before <= {case.id for case in getattr(large, part)}
    everything = (*small.examples, *small.selection, *small.held_out)
    assert sorted(case.id for case in everything) == sorted(case.id for case in suite(60).cases)


def test_should_put_the_same_question_under_two_names_into_one_part() -> None:
    twins = [
        SuiteCase(id=f"{name}{n}", variables={"text": f"{word} {n}"}, expected="x")
        for n in range(60)
        for name, word in (("a", "Number  of"), ("b", "number of"))
    ]
    split = split_cases(twins)
    for part in (split.examples, split.selection, split.held_out):
        ids = {case.id for case in part}
        assert {f"a{each[1:]}" for each in ids} == {each for each in ids if each[0] == "a"}
        assert len(ids) % 2 == 0


def test_should_keep_groups_together() -> None:
    cases = [
        SuiteCase(id=f"c{n}", variables={"text": f"t{n}", "author": f"author {n // 3}"})
        for n in range(240)
    ]
    split = split_cases(cases, group="author")
    held = {case.variables["author"] for case in split.held_out}
    seen = {case.variables["author"] for case in (*split.examples, *split.selection)}
    assert held
    assert not held & seen


def test_should_refuse_a_suite_whose_held_out_part_would_be_too_small() -> None:
    with pytest.raises(InvalidInput, match=r"10 cases, of which \d are held out; 20 are the few"):
        split_cases(suite(10).cases)
    with pytest.raises(InvalidInput, match="case c0: it has no variable 'author'"):
        split_cases(suite().cases, group="author")
