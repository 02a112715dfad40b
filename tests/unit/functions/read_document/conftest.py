from __future__ import annotations

import pytest

from functions.read_document.filetype import Identify
from functions.read_document.magic import identifier


@pytest.fixture(scope="session")
def identify() -> Identify:
    """Return the real detector: its judgement is what these tests are about."""
    return identifier()
