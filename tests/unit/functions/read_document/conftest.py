from __future__ import annotations

import pytest

from functions.read_document import magic
from functions.read_document.filetype import Identify


@pytest.fixture(scope="session")
def identify() -> Identify:
    """Return the real detector: its judgement is what these tests are about."""
    return magic.identify
