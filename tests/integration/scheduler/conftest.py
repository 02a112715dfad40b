from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.events.door import Door, open_door


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Door]:
    with open_door(tmp_path) as door:
        yield door
