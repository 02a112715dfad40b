"""The ledgers of the end-to-end tests' clouds, held against the template's grants when all ran.

Each cloud leaves its ledger in a folder that the run's processes share. At the end of a run of
every end-to-end test in which none failed, the process that began it reads them all. A test that
skips itself has not failed: what only it would have used is found as never used.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from localcloud.iam.audit import AuditReport, audit_ledgers, find_ledgers, render_findings
from localcloud.iam.audit_exceptions import UNTESTED_GRANTS, UntestedGrant
from localcloud.iam.ledger import LEDGER_FILE, read_ledger

FOLDER = "HEADRACE_LEDGERS"
"""The environment variable with the folder; set before a run, its ledgers stay there."""

END_TO_END = Path(__file__).parent / "e2e"
_SELECTING = ("keyword", "markexpr", "deselect")
"""Options of pytest, as it calls them, that leave tests of a file out."""


def keep(data_dir: Path) -> None:
    """Copy the ledger of a cloud that has ended to where the run collects them."""
    folder, ledger = os.environ.get(FOLDER), data_dir / "iam" / LEDGER_FILE
    if folder is None or not ledger.is_file():
        return
    name = hashlib.sha256(str(data_dir).encode()).hexdigest()[:12]
    with (
        closing(sqlite3.connect(ledger)) as source,
        closing(sqlite3.connect(Path(folder) / f"{name}-{LEDGER_FILE}")) as copy,
    ):
        source.backup(copy)


class PermissionAudit:
    """The part of the run's first process: watches which tests passed, and judges at the end."""

    def __init__(
        self, config: pytest.Config, unseen: Sequence[UntestedGrant] = UNTESTED_GRANTS
    ) -> None:
        self._unseen = unseen
        self._selected = [name for name in _SELECTING if getattr(config.option, name, None)]
        self._own = FOLDER not in os.environ
        if self._own:
            os.environ[FOLDER] = tempfile.mkdtemp(prefix="headrace-ledgers-")
        self._folder = Path(os.environ[FOLDER])
        self._folder.mkdir(parents=True, exist_ok=True)
        self._files: set[str] = set()
        self._failed: set[str] = set()
        self._left_out = ""
        self._found: AuditReport | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the file of an end-to-end test that ran, and whether one failed."""
        file, _, _ = report.nodeid.partition("::")
        if file.startswith("tests/e2e/"):
            self._files.add(Path(file).name)
            if report.outcome == "failed":
                self._failed.add(report.nodeid)

    def _every_file_ran(self) -> bool:
        return {file.name for file in END_TO_END.glob("test_*.py")} <= self._files

    def _why_not(self, session: pytest.Session) -> str:
        """Return why a run of every file is not judged all the same, "" if it is."""
        single = [str(argument) for argument in session.config.args if "::" in str(argument)]
        if self._failed:
            return f"{len(self._failed)} end-to-end tests failed, {min(self._failed)} among them"
        if self._selected:
            return f"the run was told which tests to take: {', '.join(self._selected)}"
        if single:
            return f"the run was told single tests: {', '.join(single)}"
        return ""

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail the run if grants and calls disagree; say nothing of a run of a few files."""
        if not self._every_file_ran():
            return
        self._left_out = self._why_not(session)
        if self._left_out:
            return
        self._found = audit_ledgers(
            [read_ledger(file) for file in find_ledgers([self._folder])], self._unseen
        )
        if not self._found.passed and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Generator[None]:
        """Say below everything else what is wrong, that nothing is, or why it was not judged.

        Whoever sees only the last lines of a failed run must find there why it failed.
        """
        yield
        if self._left_out:
            terminalreporter.write(f"\npermissions not judged, because {self._left_out}\n")
        if self._found is None:
            return
        terminalreporter.section("permissions of the template, and what the tests used of them")
        lines = render_findings(self._found)
        used = sum(1 for line in self._found.lines if line.count)
        verdict = "the others are excused" if self._found.passed else "and these are wrong:"
        lines.insert(0, f"{used} of {len(self._found.lines)} grants used, {verdict}")
        terminalreporter.write("\n".join(lines) + "\n")

    def pytest_unconfigure(self) -> None:
        """Remove the folder, unless whoever started the run named it."""
        if self._own:
            os.environ.pop(FOLDER, None)
            shutil.rmtree(self._folder, ignore_errors=True)
