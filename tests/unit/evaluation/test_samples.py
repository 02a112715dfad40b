"""The suite that the documentation shows can be run as it is."""

from __future__ import annotations

from pathlib import Path

from chalicelib.evaluation.suites import check_variables
from cli.evaluation.files import read_suite_file

SUITES = Path(__file__).parents[2] / "data" / "suites"


def test_the_suite_of_the_documentation_should_be_one() -> None:
    suite = read_suite_file(SUITES / "handbook.yaml").suite
    check_variables(suite, {})
    assert len(suite.cases) == 9
    assert [target.name for target in suite.targets] == ["ten", "one"]
