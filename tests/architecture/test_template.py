"""The template that both clouds read, held to AWS's own checks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.ingest_definition import ROOT

CFN_LINT = "import sys; from cfnlint.runner import main; sys.exit(main())"


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_cfn_lint_finds_nothing_in_the_template(stage: str, tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "infra.synthesise", "--stage", stage],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert made.returncode == 0, made.stderr
    file = tmp_path / "template.json"
    file.write_text(made.stdout)
    linted = subprocess.run(
        [sys.executable, "-c", CFN_LINT, "--format", "parseable", str(file)],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr
