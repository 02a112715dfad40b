"""One sandbox for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from functions.run_code.handler import open_sandbox
from functions.run_code.sandbox import CodeSandbox


@pytest.fixture(scope="session")
def sandbox(models_pulled: Path) -> CodeSandbox:
    return open_sandbox(models_pulled)
