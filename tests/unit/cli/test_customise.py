"""`headrace train --target bedrock` before anything is sent, and what it says after."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.failures import CommandError
from cli.main import headrace

ARGUMENTS = ["train", "instruction_tuning", "--target", "bedrock", "--licence", "ours"]


@pytest.fixture
def chats(tmp_path: Path) -> Path:
    """Return a file of thirty conversations that are not alike."""
    file = tmp_path / "chats.jsonl"
    with file.open("w", encoding="utf-8") as out:
        for number in range(30):
            asked = f"Order {number} of {number * 7 % 13} lamps for street {number * number}."
            turns = [
                {"role": "user", "content": asked},
                {"role": "assistant", "content": json.dumps({"lamps": number * 7 % 13})},
            ]
            out.write(json.dumps({"messages": turns}) + "\n")
    return file


def run(*given: str) -> Result:
    return CliRunner().invoke(headrace, [*ARGUMENTS, *given])


def test_an_estimate_needs_no_stage(chats: Path) -> None:
    shown = run("--base", "nova-micro", "--data", str(chats), "--estimate", "--json")
    assert shown.exit_code == 0, shown.output
    found = json.loads(shown.stdout)
    assert 20 <= int(found["records"]) < 30, "held-out rows are not sent"
    assert (found["epochs"], found["month_usd"]) == ("2", "1.95")
    assert 0 < float(found["training_usd"]) < 0.1


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--base", "gpt-4o"], "nova-micro, nova-lite, nova-pro can"),
        ([], "--base, one of nova-micro"),
        (["--base", "nova-micro", "--set", "epochCount=9"], "from 1 to 5"),
        (["--base", "nova-micro", "--set", "steps=9"], "steps is no setting"),
    ],
)
def test_what_bedrock_does_not_take_is_named_before_anything_is_sent(
    chats: Path, given: list[str], told: str
) -> None:
    failed = run("--data", str(chats), *given).exception
    assert isinstance(failed, CommandError)
    assert told in str(failed)


def test_its_data_is_needed() -> None:
    asked = [each for each in ARGUMENTS if each not in ("--licence", "ours")]
    failed = CliRunner().invoke(headrace, [*asked, "--base", "nova-micro"]).exception
    assert isinstance(failed, CommandError)
    assert "needs --data" in str(failed)
