"""The end of a run: judged when every end-to-end test ran and none failed, and only then."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from localcloud.iam.ledger import LEDGER_FILE, DecisionRecord, Ledger, RolePolicy
from tests import permissions
from tests.permissions import END_TO_END, PermissionAudit

ROLE = "arn:aws:iam::000000000000:role/reader"
TABLE = "arn:aws:dynamodb:us-east-1:000000000000:table/records"
OTHERS = "the summary of other plugins"
Finish = Callable[..., tuple[int, str]]


def keep_ledger(folder: Path, *used: str) -> None:
    """Keep the ledger of a cloud whose one role may read and write, and did what is `used`."""
    data_dir = folder / "cloud"
    (data_dir / "iam").mkdir(parents=True)
    ledger = Ledger(data_dir / "iam")
    actions = ["dynamodb:GetItem", "dynamodb:PutItem"]
    statement = {"Sid": "May", "Effect": "Allow", "Action": actions, "Resource": TABLE}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    ledger.replace_role_policies([RolePolicy(ROLE, "ReaderRole", "may", document)])
    ledger.record([DecisionRecord(ROLE, action, TABLE, "identity:May", True) for action in used])
    ledger.stop()
    permissions.keep(data_dir)


@pytest.fixture
def finish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Finish:
    """Return what runs all files of the end-to-end tests but `less`.

    A test of the file `other` comes out as that says. Gives the exit code and what is printed.
    """
    monkeypatch.setenv(permissions.FOLDER, str(tmp_path / "ledgers"))

    def run(
        *used: str,
        less: str = "",
        other: tuple[str, str] = ("", ""),
        args: tuple[str, ...] = (),
        **options: Any,
    ) -> tuple[int, str]:
        config: Any = SimpleNamespace(option=SimpleNamespace(**options), args=args)
        plugin = PermissionAudit(config, unseen=())  # those are about the template
        keep_ledger(tmp_path, *used)
        for file in sorted(file.name for file in END_TO_END.glob("test_*.py")):
            outcome = other[1] if file == other[0] else "passed"
            report: Any = SimpleNamespace(nodeid=f"tests/e2e/{file}::test_it", outcome=outcome)
            if file != less:
                plugin.pytest_runtest_logreport(report)
        session: Any = SimpleNamespace(config=config, exitstatus=pytest.ExitCode.OK)
        plugin.pytest_sessionfinish(session)
        said: list[str] = []
        terminal: Any = SimpleNamespace(section=said.append, write=said.append)
        summary = plugin.pytest_terminal_summary(terminal)
        next(summary)
        terminal.write(OTHERS)
        next(summary, None)
        plugin.pytest_unconfigure()
        return int(session.exitstatus), "\n".join(said)

    return run


def test_a_whole_run_that_used_every_grant_should_pass(finish: Finish) -> None:
    code, said = finish("dynamodb:GetItem", "dynamodb:PutItem")
    assert (code, "2 of 2 grants used" in said) == (0, True)


def test_a_whole_run_with_a_grant_that_nothing_used_should_fail(finish: Finish) -> None:
    code, said = finish("dynamodb:GetItem")
    unused = f"UNUSED   ReaderRole: dynamodb:putitem on {TABLE} (May)"
    assert (code, said.splitlines()[-1]) == (1, unused)


def test_a_test_that_skips_itself_should_not_keep_the_run_from_being_judged(
    finish: Finish,
) -> None:
    code, said = finish("dynamodb:GetItem", other=("test_spine.py", "skipped"))
    assert (code, "UNUSED   ReaderRole: dynamodb:putitem" in said) == (1, True)


def test_a_run_of_some_files_should_not_be_judged_and_say_nothing(finish: Finish) -> None:
    assert finish("dynamodb:GetItem", less="test_spine.py") == (0, OTHERS)


@pytest.mark.parametrize(
    ("part", "why"),
    [
        ({"other": ("test_spine.py", "failed")}, "1 end-to-end tests failed, tests/e2e/test_spine"),
        ({"keyword": "spine"}, "told which tests to take: keyword"),
        ({"markexpr": "not slow"}, "told which tests to take: markexpr"),
        ({"deselect": ["tests/e2e/test_spine.py"]}, "told which tests to take: deselect"),
        ({"args": ("tests/e2e/test_spine.py::test_it",)}, "single tests: tests/e2e/test_spine"),
    ],
)
def test_a_run_of_all_files_that_is_not_judged_should_say_why(
    finish: Finish, part: dict[str, Any], why: str
) -> None:
    code, said = finish("dynamodb:GetItem", **part)
    assert (code, "permissions not judged, because " in said, why in said) == (0, True, True)


def test_ledgers_should_stay_where_whoever_began_the_run_wanted_them(
    finish: Finish, tmp_path: Path
) -> None:
    finish("dynamodb:GetItem")
    (kept,) = (tmp_path / "ledgers").iterdir()
    assert kept.name.endswith(f"-{LEDGER_FILE}")
