from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.messaging import Messaging, open_messaging


@pytest.fixture
def messaging(tmp_path: Path) -> Iterator[Messaging]:
    """SQS, EventBridge and Scheduler behind the real front door, in this process."""
    with open_messaging(tmp_path) as opened:
        yield opened
