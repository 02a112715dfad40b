"""The end-to-end tests run on what is deployed: a package's bundles, in Lambda's own Python.

Where there is no Python 3.13 they run on the source tree, and the head of the run says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud import CloudProcess
from tests.packages import has_interpreter, packaged

HERE = Path(__file__).parent
LIMIT_SECONDS = 120


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the time limits be the tests' own: whichever comes first also waits for the package."""
    for item in items:
        if HERE in item.path.parents:
            limit = item.get_closest_marker("timeout")
            seconds = limit.args[0] if limit else LIMIT_SECONDS
            item.add_marker(pytest.mark.timeout(seconds, func_only=True), append=False)


@pytest.fixture(scope="session")
def cloud_options(models_pulled: Path) -> tuple[str, ...]:
    """What each local cloud of these tests is started with."""
    if not has_interpreter():
        return ()
    folder = packaged(models_pulled)
    return ("--package", str(folder / "package"), "--bundles", str(folder / "bundles"))


@pytest.fixture(scope="session")
def cloud(
    tmp_path_factory: pytest.TempPathFactory, cloud_options: tuple[str, ...]
) -> Iterator[CloudProcess]:
    """One local cloud for all end-to-end tests of a worker."""
    process = CloudProcess(tmp_path_factory.mktemp("e2e-cloud"), *cloud_options).start()
    yield process
    process.stop()
