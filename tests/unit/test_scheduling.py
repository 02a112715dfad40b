"""Tests of the shared cloud come first, then files with slow tests, each file in one piece."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from tests.scheduling import CLOUD, choose_scope, in_order, uses_cloud


class Item:
    """A collected test, as far as the order asks for it."""

    def __init__(self, file: str, *marks: str, fixtures: tuple[str, ...] = ()) -> None:
        self.path = Path(file)
        self.fixturenames = fixtures
        self._marks = marks

    def get_closest_marker(self, name: str) -> object | None:
        return object() if name in self._marks else None


def ordered(*items: Item) -> list[Any]:
    return in_order(cast(list[pytest.Item], list(items)))


def test_the_cloud_s_tests_should_come_before_all_others() -> None:
    plain, on_cloud = Item("a.py"), Item("b.py", fixtures=("tenant", "cloud"))
    assert ordered(plain, on_cloud) == [on_cloud, plain]
    assert uses_cloud(cast(pytest.Item, on_cloud))
    assert not uses_cloud(cast(pytest.Item, Item("c.py", fixtures=("own_cloud",))))


def test_what_waits_for_an_earlier_test_should_come_last_of_the_cloud_s() -> None:
    late = Item("a.py", "late", fixtures=("cloud",))
    slow, fast = Item("a.py", "slow", fixtures=("cloud",)), Item("b.py", fixtures=("cloud",))
    assert ordered(late, fast, slow, Item("c.py", "slow"))[:3] == [slow, fast, late]


def test_all_of_a_file_with_a_slow_test_should_come_before_files_without() -> None:
    fast, first, slow = Item("a.py"), Item("b.py"), Item("b.py", "slow")
    assert ordered(fast, first, slow) == [first, slow, fast]


def test_the_order_that_chance_gave_should_stay_otherwise() -> None:
    items = [Item("c.py"), Item("a.py"), Item("b.py")]
    assert ordered(*items) == items


def test_few_workers_should_have_clouds_while_other_files_wait() -> None:
    waiting = [f"{CLOUD}:a.py", f"{CLOUD}:b.py", "a.py", "c.py"]
    assert choose_scope(waiting, has_cloud=False, may_start_cloud=True) == f"{CLOUD}:a.py"
    assert choose_scope(waiting[1:], has_cloud=True, may_start_cloud=False) == f"{CLOUD}:b.py"
    assert choose_scope(waiting[1:], has_cloud=False, may_start_cloud=False) == "a.py"


def test_a_worker_should_take_what_is_left_of_the_other_kind() -> None:
    assert choose_scope(["c.py"], has_cloud=True, may_start_cloud=False) == "c.py"
    left = choose_scope([f"{CLOUD}:b.py"], has_cloud=False, may_start_cloud=False)
    assert left == f"{CLOUD}:b.py"
