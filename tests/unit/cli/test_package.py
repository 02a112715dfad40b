"""`package`, and `up` with one: what is refused, and what the local cloud is started with."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.local.cloud import server_command
from cli.main import run
from tests.packages import has_interpreter


def test_a_stage_that_cannot_be_should_be_refused_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "package"
    assert run(["package", "--stage", "Prod", "--out", str(out)]) == 1
    assert "'Prod' is no stage; one is 2 to 12" in capsys.readouterr().err
    assert not out.exists()


def test_a_folder_with_something_else_in_it_should_be_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("kept")
    assert run(["package", "--stage", "dev", "--out", str(tmp_path)]) == 1
    assert "something else than a package" in capsys.readouterr().err
    assert (tmp_path / "thesis.txt").read_text() == "kept"


def test_an_unknown_architecture_should_be_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["package", "--stage", "dev", "--architecture", "mips"]) == 2
    assert "'arm64', 'x86_64'" in capsys.readouterr().err


def test_a_machine_without_python_313_should_be_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEADRACE_PYTHON313", str(tmp_path / "none"))
    assert run(["package", "--stage", "dev", "--out", str(tmp_path / "package")]) == 1
    assert "is no Python 3.13" in capsys.readouterr().err


@pytest.mark.skipif(not has_interpreter(), reason="bundles carry bytecode of Python 3.13")
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Nothing", "There is no function Nothing; SnapStart is for APIHandler"),
        ("ReadDocument", "has 6144 MB of EphemeralStorage"),
    ],
)
def test_a_function_that_cannot_start_from_a_snapshot_should_be_told_before_bundles_are_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, why: str
) -> None:
    out = tmp_path / "package"
    assert run(["package", "--stage", "dev", "--out", str(out), "--snap-start", name]) == 1
    assert why in capsys.readouterr().err
    assert not out.exists()


def test_up_should_hand_a_package_on(tmp_path: Path) -> None:
    assert server_command(tmp_path, 0)[-2:] == ["--data-dir", str(tmp_path)]
    assert server_command(tmp_path, 0, iam="off")[-2:] == ["--iam", "off"]
    night = "2027-03-28T00:59:30Z"
    assert server_command(tmp_path, 0, clock=night)[-2:] == ["--clock", night]
    assert server_command(tmp_path, 0, chat_model="tiny")[-2:] == ["--chat-model", "tiny"]
    assert server_command(tmp_path, 0, training=True)[-2:] == ["--parameter", "Training=on"]
    command = server_command(tmp_path, 0, tmp_path / "package")
    assert command[-2:] == ["--package", str(tmp_path / "package")]
