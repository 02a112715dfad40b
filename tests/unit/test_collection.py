"""Workers of a parallel run divide the test modules among themselves, and forget none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.collection import modules_below, share_of


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_every_module_should_be_in_the_share_of_one_worker(workers: int) -> None:
    modules = [Path(f"test_{number}.py") for number in range(10)]
    shares = [share_of(modules, worker, workers) for worker in range(workers)]
    assert [module for share in shares for module in share] == modules
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_modules_should_be_those_of_the_named_files_and_folders(tmp_path: Path) -> None:
    for name in ("a/test_one.py", "a/b/test_two.py", "a/driving.py", "c/test_three.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = modules_below(tmp_path, ["a", "a/b/test_two.py", "c/test_three.py::test_it"])
    assert found == [
        tmp_path / each for each in ("a/b/test_two.py", "a/test_one.py", "c/test_three.py")
    ]
