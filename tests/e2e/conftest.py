"""Clouds of a test's own, the wire to the shared cloud's Bedrock, and pages of the console."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.cloud import CloudProcess
from tests.e2e.bedrock_wire import BedrockWire
from tests.e2e.tenants import key_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture
def own_cloud(tmp_path: Path, cloud_options: tuple[str, ...]) -> Iterator[CloudProcess]:
    """A cloud that the test may kill."""
    process = CloudProcess(tmp_path / "data", *cloud_options, audited=True).start()
    yield process
    process.stop()


@pytest.fixture
def wire(cloud: CloudProcess) -> Iterator[BedrockWire]:
    """The shared cloud's wire to Bedrock; faults end with the test."""
    opened = BedrockWire(cloud)
    yield opened
    opened.clear()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for the tests of a module, which are skipped where the machine has none."""
    from tests.e2e.browser import browser

    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def key(api: httpx.Client) -> str:
    """The key of the tenant that the module's fixture `api` speaks as."""
    return key_of(api)


@pytest.fixture
def page(chromium: Browser, cloud: CloudProcess, key: str) -> Iterator[Page]:
    """A page of the console, signed in by the module's `key`."""
    from tests.e2e.browser import console

    with console(chromium, cloud, key) as opened:
        yield opened
