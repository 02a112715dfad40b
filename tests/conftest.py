"""Fixtures that every kind of test may use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from infra.packaging.failures import CannotPackage
from infra.packaging.interpreter import find_interpreter
from models.pull import pull
from tests.cloud import PROJECT, CloudProcess
from tests.permissions import PermissionAudit
from tests.soak import often

settings.register_profile(
    "counts",
    deadline=None,
    max_examples=often(100, 50),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("counts")
"""No test asserts how long something takes, and so no example of a property does either. Each run
draws others: a soak takes Hypothesis's own number of them, any other run half of it.
"""


def pytest_configure(config: pytest.Config) -> None:
    """Let the process that began the run judge the permissions that its tests used."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(PermissionAudit(config))


def pytest_report_header() -> str:
    """Say what the end-to-end tests run on."""
    try:
        return f"end-to-end tests: on a package's bundles, run by {find_interpreter()}"
    except CannotPackage as missing:
        return f"end-to-end tests: ON THE SOURCE TREE AND NOT ON BUNDLES. {missing}"


@pytest.fixture(scope="session")
def models_pulled() -> Path:
    """The models folder, with every default model in it."""
    folder = PROJECT / "models" / "cache"
    pull(into=folder)
    return folder


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory, models_pulled: Path) -> Iterator[CloudProcess]:
    """One local cloud for the whole run; tests share it and name their things apart.

    Its functions run from the source tree. The end-to-end tests have another, of bundles.
    """
    process = CloudProcess(tmp_path_factory.mktemp("cloud")).start()
    yield process
    process.stop()
