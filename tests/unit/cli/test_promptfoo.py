"""promptfoo's configuration as a suite: what means the same here, and what is refused by name."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from chalicelib.contracts.evaluations.suites import InlinePromptTarget, Suite
from chalicelib.evaluation.suites import check_variables
from chalicelib.prompts.validation import check_prompt
from cli.evaluation.files import read_suite_file
from cli.failures import UsageError

CONFIG: dict[str, Any] = {
    "description": "Rivers",
    "prompts": ["Name the river of {{city}}.", "file://prompt.txt"],
    "providers": ["openai:gpt-4o-mini", {"id": "nova-lite", "config": {"temperature": 0}}],
    "defaultTest": {"assert": [{"type": "latency", "threshold": 5000}]},
    "tests": [
        {
            "description": "Paris",
            "vars": {"city": "Paris", "notes": "file://notes.txt"},
            "assert": [
                {"type": "icontains", "value": "seine", "weight": 2},
                {"type": "not-contains", "value": "I do not know"},
                {"type": "contains-any", "value": ["Seine", "La {{city}}"]},
                {"type": "contains-all", "value": "a, b"},
                {"type": "regex", "value": "S.ine"},
                {"type": "llm-rubric", "value": "It is short.", "provider": "openai:gpt-4o"},
                {"type": "similar", "value": "The Seine", "threshold": 0.6, "metric": "near"},
                {"type": "cost", "threshold": 0.002},
                {"type": "rouge-n", "value": "The Seine"},
                {"type": "bleu", "value": "The Seine"},
                {"type": "starts-with", "value": "The (real) Seine"},
                {"type": "contains-json", "value": {"type": "object"}},
                {"type": "is-json"},
                {"type": "equals", "value": 42},
            ],
            "threshold": 0.5,
        },
        {"vars": {"city": ["Rome", "Cologne"]}, "assert": [{"type": "contains", "value": "R"}]},
    ],
    "evaluateOptions": {"repeat": 2, "maxConcurrency": 4},
    "outputPath": "results.html",
}


def suite_of(folder: Path, content: dict[str, Any], **options: Any) -> Suite:
    (folder / "prompt.txt").write_text("{{ notes }}\nWhich river flows through {{ city }}?")
    (folder / "notes.txt").write_text("Rivers flow.")
    file = folder / "promptfooconfig.yaml"
    file.write_text(yaml.safe_dump(content))
    return read_suite_file(file, **options).suite


def test_the_common_part_should_be_read_unchanged(tmp_path: Path) -> None:
    suite = suite_of(tmp_path, CONFIG)
    assert (suite.name, suite.description, suite.repeats) == ("promptfooconfig", "Rivers", 2)
    assert [target.name for target in suite.targets] == [
        "prompt 1 by gpt-4o-mini",
        "prompt.txt by gpt-4o-mini",
        "prompt 1 by nova-lite",
        "prompt.txt by nova-lite",
    ]
    assert [case.id for case in suite.cases] == ["Paris", "test 2", "test 2 2"]
    assert suite.cases[0].variables == {"city": "Paris", "notes": "Rivers flow."}
    assert [case.variables["city"] for case in suite.cases[1:]] == ["Rome", "Cologne"]
    graders = {each.name: each for each in suite.cases[0].graders}
    assert graders["latency"].model_dump()["max_seconds"] == 5
    assert graders["contains"].model_dump()["ignore_case"] is True
    assert graders["contains"].weight == 2
    assert graders["contains 2"].negate
    assert graders["contains 3"].model_dump()["any"] == ("Seine", "La Paris")
    assert graders["contains 4"].model_dump()["all"] == ("a", "b")
    assert graders["rubric"].model_dump()["model"] == "gpt-4o"
    assert graders["near"].model_dump()["threshold"] == 0.6
    assert graders["exact"].model_dump()["expected"] == "42"
    assert suite.cases[0].threshold == 0.5


def test_its_prompts_should_be_valid_and_have_all_variables(tmp_path: Path) -> None:
    suite = suite_of(tmp_path, CONFIG)
    inline = [each for each in suite.targets if isinstance(each, InlinePromptTarget)]
    for target in inline:
        check_prompt(target.content)
    check_variables(suite, {each.name: each.content for each in inline})
    assert inline[-1].content.parameters.temperature == 0


def test_messages_should_become_a_role_and_a_question(tmp_path: Path) -> None:
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "{{city}}?"}]
    suite = suite_of(tmp_path, {**CONFIG, "prompts": [json.dumps(chat)]}, model="nova-pro")
    (target, *_) = suite.targets
    assert isinstance(target, InlinePromptTarget)
    assert (target.content.role, target.content.turns[0].template) == ("Be brief.", "{{city}}?")
    assert target.model == "nova-pro"


LOOP = {"a": {"$ref": "#/assertionTemplates/b"}, "b": {"$ref": "#/assertionTemplates/a"}}


def with_assert(**assertion: Any) -> dict[str, Any]:
    return {**CONFIG, "tests": [{"vars": {"city": "x"}, "assert": [assertion]}]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (with_assert(type="javascript", value="true"), "javascript is code, which is not run"),
        (with_assert(type="not-python", value="x"), "not-python is code"),
        (with_assert(type="vibes"), "assert 'vibes' is not known here; what is: equals"),
        (with_assert(type="contains", value="x", transform="y"), "transform is not honoured"),
        (with_assert(type="cost"), "assert cost: threshold is missing"),
        ({**CONFIG, "scenarios": []}, "scenarios is promptfoo's, and not honoured here"),
        ({**CONFIG, "providers": ["exec:python x.py"]}, "provider exec:python x.py is not known"),
        ({**CONFIG, "providers": ["echo"]}, "The provider echo is not known"),
        ({**CONFIG, "prompts": ["file://make.py"]}, "file://make.py is of a kind"),
        (with_assert(**{"$ref": "#/assertionTemplates/none"}), "there is no assertionTemplates"),
        (with_assert(**{"$ref": "shared.yaml#/x"}), "leads out of the file"),
        (
            {**with_assert(**{"$ref": "#/assertionTemplates/a"}), "assertionTemplates": LOOP},
            "leads back",
        ),
        ({**CONFIG, "tests": "file://tests.csv"}, "tests: file://tests.csv is of a kind"),
        ({**CONFIG, "tests": [{"vars": {"city": {"a": 1}}}]}, "variable city is an object"),
        ({**CONFIG, "tests": [{"vars": {"city": "file://x.js"}}]}, "is code, which is not run"),
        (with_assert(type="regex", value="(?=x)"), "the pattern cannot be used"),
        ({**CONFIG, "tests": "file://broken.yaml"}, "tests: broken.yaml is no YAML"),
        ({**CONFIG, "defaultTest": {"vars": 5}}, "defaultTest, vars holds no keys"),
        ({**CONFIG, "tests": [{"assert": "contains"}]}, "test 1, assert: a list is expected"),
    ],
)
def test_what_cannot_be_honoured_should_be_named(
    tmp_path: Path, content: dict[str, Any], message: str
) -> None:
    (tmp_path / "broken.yaml").write_text("a: [")
    with pytest.raises(UsageError) as refused:
        suite_of(tmp_path, content)
    assert message in str(refused.value)


def test_templates_should_stand_for_assertions(tmp_path: Path) -> None:
    templates = {"brief": {"type": "regex", "value": "^.{1,{{most}}}$"}, "a/b": ["x", "y"]}
    tests = [
        {"vars": {"most": 9}, "assert": [{"$ref": "#/assertionTemplates/brief", "weight": 3}]},
        {"assert": [{"type": "contains-any", "value": {"$ref": "#/assertionTemplates/a~1b"}}]},
    ]
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump(tests))
    for given in (tests, "file://tests.yaml"):
        suite = suite_of(tmp_path, {**CONFIG, "assertionTemplates": templates, "tests": given})
        graders = [case.graders[1].model_dump() for case in suite.cases]
        assert (graders[0]["pattern"], graders[0]["weight"]) == ("^.{1,9}$", 3)
        assert graders[1]["any"] == ("x", "y")


def test_tests_without_an_assertion_should_be_asked_and_not_graded(tmp_path: Path) -> None:
    tests = [{"vars": {"city": "Bonn"}}, *CONFIG["tests"]]
    file = tmp_path / "promptfooconfig.yaml"
    suite_of(tmp_path, {**CONFIG, "defaultTest": {}, "tests": tests})
    read = read_suite_file(file)
    assert [case.ungraded for case in read.suite.cases] == [True, False, False, False]
    assert read.suite.cases[0].variables == {"city": "Bonn"}
    (warning,) = read.warnings
    assert warning.endswith(
        "1 of 4 tests have no assert: test 1. They are asked and shown, and count in no score."
    )


def test_reports_should_go_where_the_configuration_says(tmp_path: Path) -> None:
    paths = ["out/r.html", "r.json", "r.junit.xml", "r.csv"]
    suite_of(tmp_path, {**CONFIG, "outputPath": paths})
    read = read_suite_file(tmp_path / "promptfooconfig.yaml")
    assert read.outputs == {
        "html": Path("out/r.html"),
        "json": Path("r.json"),
        "junit": Path("r.junit.xml"),
    }
    (warning,) = read.warnings
    assert "outputPath r.csv is not written: a report ends with .junit.xml, .html, .json" in warning


def test_a_small_cost_should_not_become_none(tmp_path: Path) -> None:
    suite = suite_of(tmp_path, with_assert(type="cost", threshold=0.0000001))
    grader = suite.cases[0].graders[-1].model_dump()
    assert grader["max_dollars"] == Decimal("0.0000001")


def test_a_suite_of_ours_should_read_files_and_take_prompts(tmp_path: Path) -> None:
    (tmp_path / "report.txt").write_text("The weir was closed.")
    file = tmp_path / "My Station.yaml"
    file.write_text(
        "targets: []\n"
        "graders: [{type: contains}]\n"
        "cases:\n"
        "  - {id: weir, variables: {report: file://report.txt}, expected: closed}\n"
    )
    suite = read_suite_file(file, ("sum-up@3", "sum-up-short")).suite
    assert suite.name == "my-station"
    assert suite.cases[0].variables == {"report": "The weir was closed."}
    assert [target.model_dump()["version"] for target in suite.targets] == [3, "latest"]
    with pytest.raises(UsageError, match="targets: "):
        read_suite_file(file)
    compared = "compare_to: plain\ngate: {targets: [new], min_score: 0.5}\n"
    file.write_text(compared + file.read_text())
    suite = read_suite_file(file, ("sum-up@3",)).suite
    assert (suite.compare_to, suite.gate.targets, suite.gate.min_score) == (None, (), 0.5)
    file.write_text("cases:\n  - {id: a, variables: {report: file://gone.txt}}\n")
    with pytest.raises(UsageError, match=r"gone\.txt cannot be read"):
        read_suite_file(file, ("sum-up",))
