"""`headrace deploy` and `headrace destroy` as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import headrace, run
from infra.deployment import permissions
from tests.integration.deployment.world import World
from tests.unit.infra.deployment.aws import REGION
from tests.unit.infra.deployment.packages import write_package


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials and no region but those that a test sets."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))


@pytest.fixture
def somebody(nobody: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def test_deploying_without_credentials_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_package(tmp_path / "package")
    command = ("deploy", "--stage", "dev", "--package", str(folder))

    assert run([*command, "--region", REGION]) == 1
    said = capsys.readouterr()
    assert "error: Credentials" in said.out
    assert "aws configure" in said.out
    assert "1 of these has to be mended first; nothing was changed." in said.err

    assert run(command) == 1
    assert "No region is set; give --region." in capsys.readouterr().err

    assert run([*command, "--profile", "nobodys"]) == 1
    assert "nobodys" in capsys.readouterr().err


def test_what_is_no_package_is_refused_with_the_way_to_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["deploy", "--stage", "dev", "--region", REGION, "--package", str(tmp_path)]) == 1
    assert "headrace package" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["deploy", "destroy"])
@pytest.mark.parametrize("stage", ["My-Stage", "dev-2", "x", "2dev", "muchtoolonganame", ""])
def test_what_no_stage_can_be_called_is_wrong_use(
    command: str, stage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command, "--stage", stage, "--region", REGION]) == 2
    assert f"--stage: {stage!r} is no stage; one is 2 to 12" in capsys.readouterr().err


@pytest.mark.parametrize("option", [("--architecture", "arm64"), ("--snap-start", "EmbedText")])
def test_a_package_that_is_there_is_not_made_otherwise(
    tmp_path: Path, option: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_package(tmp_path / "package")
    assert run(["deploy", "--stage", "dev", "--package", str(folder), *option]) == 2
    assert "headrace package" in capsys.readouterr().err


@pytest.mark.parametrize("given", [("x",), ("=x",), ("A=1", "A=2")])
def test_parameters_that_say_nothing_are_wrong_use(tmp_path: Path, given: tuple[str, ...]) -> None:
    options = [part for each in given for part in ("--parameter", each)]
    folder = write_package(tmp_path / "package")
    assert run(["deploy", "--stage", "dev", "--package", str(folder), *options]) == 2


def test_destroying_shows_what_there_is_and_wants_the_name(world: World, somebody: None) -> None:
    world.deploy()
    command = ["destroy", "--stage", "dev", "--region", REGION]

    wrong = CliRunner().invoke(headrace, command, input="prod\n")
    assert wrong.exit_code == 1
    assert "headrace-dev-records" in wrong.output
    assert "Nothing was removed." in wrong.output
    assert run([*command, "--yes-destroy", "prod"]) == 1
    assert not world.inventory().is_empty

    right = CliRunner().invoke(headrace, command, input="dev\n")
    assert right.exit_code == 0, right.output
    assert "The stage dev is removed." in right.output
    assert "35 days" in right.output
    assert world.inventory().is_empty

    again = CliRunner().invoke(headrace, [*command, "--yes-destroy", "dev"])
    assert again.exit_code == 0
    assert f"There is nothing of dev in 123456789012, {REGION}." in again.output


def test_the_policy_for_deployers_is_what_the_code_says() -> None:
    assert json.loads(permissions.FILE.read_text()) == permissions.policy_document()
