"""Which worker of a parallel run gets which tests: those of a shared cloud go to every other one.

Such a worker starts one cloud, whose Lambda workers stay warm from test to test, and no test meets
the faults that another injects. One cloud for all tests would be a queue longer than all the rest.
Tests go file by file to whichever worker is free, so that what a module's fixtures make is
made once. Workers know the fixtures of a test, and the process that hands tests out does not, so
workers write down which tests are a cloud's.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

FOLDER = "HEADRACE_TEST_GROUPS"
"""The environment variable with the folder in which workers leave `FILE`."""

FILE = "cloud.json"
CLOUD = "cloud"
"""The fixture, and what scopes of tests that use it begin with."""


def uses_cloud(item: pytest.Item) -> bool:
    """Return whether a test, or a fixture that it uses, uses the shared cloud."""
    return CLOUD in getattr(item, "fixturenames", ())


def in_order(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return the cloud's tests first, then files with slow tests, so that none ends last.

    Tests that wait for what others began come last of the cloud's.
    """
    slow_files = {item.path for item in items if item.get_closest_marker("slow")}

    def place(item: pytest.Item) -> tuple[bool, bool, bool]:
        is_late = item.get_closest_marker("late") is not None
        return (not uses_cloud(item), is_late, item.path not in slow_files)

    return sorted(items, key=place)


def begin(config: pytest.Config) -> None:
    """Name the folder for the workers of this run."""
    folder = tempfile.TemporaryDirectory(prefix="headrace-test-groups-")
    os.environ[FOLDER] = folder.name
    config.add_cleanup(folder.cleanup)


def write_groups(items: list[pytest.Item]) -> None:
    """Leave the ids of the cloud's tests for the process that hands tests out."""
    folder = Path(os.environ[FOLDER])
    draft = folder / f"{os.getpid()}.draft"
    draft.write_text(json.dumps([item.nodeid for item in items if uses_cloud(item)]))
    draft.replace(folder / FILE)


def choose_scope(waiting: Iterable[str], has_cloud: bool, may_start_cloud: bool) -> str:
    """Return the first of the waiting scopes that suits a worker, or the first of all.

    A worker with a cloud gets what is left of the clouds' tests before anything else. One without
    gets some only if another cloud may be started, or nothing else is left.
    """
    first, *others = waiting
    wanted = has_cloud or may_start_cloud
    suiting = (scope for scope in (first, *others) if scope.startswith(CLOUD) == wanted)
    return next(suiting, first)


class CloudScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Hand out files: those that use a shared cloud to few workers, all others to any."""

    def __init__(self, config: pytest.Config, log: object) -> None:
        """Keep the order that the workers collected in."""
        config.option.loadscopereorder = False
        super().__init__(config, log)
        self._of_cloud: frozenset[str] = frozenset()
        self._with_cloud: set[WorkerController] = set()

    def schedule(self) -> None:
        """Read which tests are the cloud's once every worker has collected."""
        if self.collection is None:
            self._of_cloud = frozenset(json.loads((Path(os.environ[FOLDER]) / FILE).read_text()))
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return f"{CLOUD}:{file}" if nodeid in self._of_cloud else file

    def _assign_work_unit(self, node: WorkerController) -> None:
        """Assign the scope that suits `node`, which the base class takes from the front."""
        most = (len(self.nodes) + 1) // 2
        scope = choose_scope(self.workqueue, node in self._with_cloud, len(self._with_cloud) < most)
        if scope.startswith(CLOUD):
            self._with_cloud.add(node)
        self.workqueue.move_to_end(scope, last=False)
        super()._assign_work_unit(node)
