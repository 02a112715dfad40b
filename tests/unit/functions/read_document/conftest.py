from __future__ import annotations

import pytest

from functions.read_document.file_types import detection
from functions.read_document.file_types.formats import Identify


@pytest.fixture(scope="session")
def identify() -> Identify:
    """Return the real detector: its judgement is what these tests are about."""
    return detection.identify_by_magika
