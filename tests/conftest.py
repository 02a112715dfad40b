"""Fixtures that every kind of test may use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from infra.packaging.targets import PackagingError, find_interpreter
from models.pull.cache import pull
from tests import collection, scheduling
from tests.cloud import PROJECT, CloudProcess
from tests.packages import has_interpreter, packaged
from tests.permissions import PermissionAudit
from tests.soak import often

CLOUD_TEST_SECONDS = 120
settings.register_profile(
    "counts",
    deadline=None,
    max_examples=often(100, 25),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("counts")
"""No test asserts how long something takes, and so no example of a property does either. Each run
draws others: a soak takes Hypothesis's own number of them, any other run a quarter of it.
"""


def pytest_configure(config: pytest.Config) -> None:
    """Let the process that began the run hand tests out, and judge the permissions they used."""
    if not hasattr(config, "workerinput"):
        scheduling.begin(config)
        config.pluginmanager.register(PermissionAudit(config))


def pytest_xdist_make_scheduler(
    config: pytest.Config, log: object
) -> scheduling.CloudScheduling | None:
    """Replace `--dist loadscope`; other ways of distribution stay what they are."""
    if config.getvalue("dist") == "loadscope":
        return scheduling.CloudScheduling(config, log)
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Share with the other workers what is dear in a collection, before it."""
    collection.pause_garbage_collection()
    collection.import_share(session.config)


def pytest_collection_finish() -> None:
    """Have tests run without a look at what the collection made."""
    collection.leave_collected()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put tests in the order in which workers take them, and time those of the cloud alone."""
    items[:] = scheduling.in_order(items)
    scheduling.write_groups(items)
    for item in filter(scheduling.uses_cloud, items):
        limit = item.get_closest_marker("timeout")
        seconds = limit.args[0] if limit else CLOUD_TEST_SECONDS
        # Whichever comes first also waits for the package, which is not the test's own time.
        item.add_marker(pytest.mark.timeout(seconds, func_only=True), append=False)


def pytest_report_header() -> str:
    """Say what the whole clouds of these tests run on."""
    try:
        return f"clouds: on a package's bundles, run by {find_interpreter()}"
    except PackagingError as missing:
        return f"clouds: ON THE SOURCE TREE AND NOT ON BUNDLES. {missing}"


@pytest.fixture(scope="session")
def models_pulled() -> Path:
    """The models folder, with every default model in it."""
    folder = PROJECT / "models" / "cache"
    pull(into=folder)
    return folder


@pytest.fixture(scope="session")
def cloud_options(models_pulled: Path) -> tuple[str, ...]:
    """Options with which a local cloud runs what is deployed: bundles, in Lambda's own Python.

    Where there is no Python 3.13 they are none, and clouds run the source tree.
    """
    if not has_interpreter():
        return ()
    folder = packaged(models_pulled)
    return ("--package", str(folder / "package"), "--bundles", str(folder / "bundles"))


@pytest.fixture(scope="session")
def cloud(
    tmp_path_factory: pytest.TempPathFactory, cloud_options: tuple[str, ...]
) -> Iterator[CloudProcess]:
    """One local cloud for all tests of a worker; they share it and name their things apart."""
    process = CloudProcess(tmp_path_factory.mktemp("cloud"), *cloud_options, audited=True).start()
    yield process
    process.stop()
