"""Contracts are built at their first use, by however many threads at once."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import create_model

from chalicelib.contracts.base import Contract
from tests.soak import often

THREADS = 8


@pytest.fixture
def eager_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def names_by_threads(model: type[Contract]) -> list[object]:
    """Return the field `name` as threads read it that make their first instance together."""
    together, found = threading.Barrier(THREADS), list[object]()

    def use() -> None:
        together.wait()
        found.append(getattr(model.model_validate({"name": "one"}), "name", None))

    threads = [threading.Thread(target=use) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.usefixtures("eager_switches")
def test_threads_that_use_a_contract_first_should_all_get_its_fields() -> None:
    for n in range(often(300, 40)):
        fields: dict[str, Any] = {f"field_{at}": (dict[str, list[int]], {}) for at in range(20)}
        model = create_model(f"Made{n}", __base__=Contract, name=(str, ...), **fields)
        assert names_by_threads(model) == ["one"] * THREADS
