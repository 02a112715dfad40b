"""The suites of the techniques and their page are what their seed and their results make them."""

from __future__ import annotations

import pytest

from benchmarks.techniques import cases, page
from benchmarks.techniques.build import SUITES
from benchmarks.techniques.prompts import PLAIN, techniques
from benchmarks.techniques.tasks import COUNT, SEED, TASKS, Task
from benchmarks.techniques.wordnet import synsets
from chalicelib.contracts.evaluations.suites import InlinePromptTarget
from chalicelib.evaluation.suites import check_variables, read_suite
from chalicelib.prompts.validation import check_prompt
from cli.prompts.files import read_yaml


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_should_ship_suites_whose_prompts_and_cases_can_be_run(task: Task) -> None:
    suite = read_suite(read_yaml(SUITES / f"{task.name}.yaml"))
    assert (len(suite.cases), suite.seed, suite.compare_to) == (COUNT, SEED, PLAIN)
    contents = {}
    for target in suite.targets:
        assert isinstance(target, InlinePromptTarget)
        check_prompt(target.content)
        contents[target.name] = target.content
    check_variables(suite, contents)
    assert [*contents] == [*techniques(task.prompts)]


def test_should_make_the_same_cases_of_a_seed_with_the_answers_that_ship() -> None:
    made = {
        "arithmetic": cases.arithmetic,
        "extraction": cases.extraction,
        "listing": cases.listing,
    }
    for name, make in made.items():
        shipped = read_suite(read_yaml(SUITES / f"{name}.yaml")).cases
        for case, written in zip(make(COUNT, SEED), shipped, strict=True):
            assert (case.text, case.expected) == (written.variables["text"], written.expected)


def test_should_read_a_meaning_of_wordnet() -> None:
    line = (
        "00005930 03 n 02 dwarf 0 gnome 0 001 @ 00004475 n 0000 | a plant or animal that is small; "
        '"the dwarf grew"  '
    )
    (found,) = synsets(f"  1 licence\n{line}\n")
    assert (found.file, found.words) == ("03", ("dwarf", "gnome"))
    assert (found.definition, found.examples) == (
        "a plant or animal that is small",
        ("the dwarf grew",),
    )


def test_should_show_the_page_that_the_newest_results_make() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.made()


@pytest.mark.parametrize(
    ("interval", "mean", "verdict"),
    [
        ([0.01, 0.3], 0.5, "better"),
        ([-0.3, -0.01], 0.0, "worse"),
        ([-0.1, 0.1], 0.5, "no difference shown"),
        ([0.0, 0.0], 0.5, "no difference shown"),
        ([0.0, 0.0], 0.0, "no answer was right"),
        ([None, None], 0.5, "no difference shown"),
    ],
)
def test_should_claim_nothing_within_the_interval(
    interval: list[float | None], mean: float, verdict: str
) -> None:
    beside = {"interval": interval, "same": 30, "n": 30}
    assert page.verdict({"score": {"mean": mean}, "beside_plain": beside}) == verdict
