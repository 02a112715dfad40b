"""Scripts that Lambda starts in place of its own runtime.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html#runtime-wrapper
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

FUNCTIONS = Path(__file__).parents[3] / "functions"


@pytest.mark.parametrize(
    "script", sorted(FUNCTIONS.glob("*/bootstrap")), ids=lambda p: p.parent.name
)
def test_a_bootstrap_should_find_its_module_from_whatever_directory(
    script: Path, tmp_path: Path
) -> None:
    runtime = tmp_path / "runtime"
    runtime.write_text('#!/bin/sh\necho "$PWD $*"\n')
    runtime.chmod(0o755)
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    started = subprocess.run(
        [script, runtime, "ignored"],
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "LAMBDA_TASK_ROOT": str(bundle)},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    name = script.parent.name
    assert started.stdout == f"{bundle} -m functions.{name}.handler\n"
    without = subprocess.run(
        [script, runtime], env={}, capture_output=True, check=False, timeout=30
    )
    assert without.returncode != 0
