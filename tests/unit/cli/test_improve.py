from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.failures import CommandError
from cli.main import headrace

PLACE = ("aligned-lm", "--tenant", "acme")


@pytest.mark.parametrize(
    ("given", "code", "told"),
    [
        (("plan", *PLACE, "--set", "steps"), 2, "'steps' is no setting; write NAME=VALUE"),
        (("plan", *PLACE, "--task", "lt_1"), 1, "no running local cloud's file"),
        (("start", *PLACE), 1, "no running local cloud's file"),
        (("approve", *PLACE), 1, "no running local cloud's file"),
    ],
)
def test_should_say_what_is_wrong_before_anything_is_sent(
    tmp_path: Path, given: tuple[str, ...], code: int, told: str
) -> None:
    asked = ["improve", *given, "--data-dir", str(tmp_path)]
    failed = CliRunner().invoke(headrace, asked).exception
    assert isinstance(failed, CommandError)
    assert failed.exit_code == code
    assert told in str(failed)
