"""The smoke test of a deployment, on a stage that runs: that of the local cloud."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from cli.client import Api
from cli.output import Output
from cli.stage.smoke import SmokeTest, SmokeTestError
from infra import tenants
from tests.cloud import CloudProcess
from tests.e2e.driving import until
from tests.e2e.tenants import Tenant


@pytest.fixture
def granted(cloud: CloudProcess) -> tenants.TenantKey:
    name = f"check-{secrets.token_hex(4)}"
    return tenants.create_with_key(
        cloud.client, tenants.storage_of(cloud.outputs), name, "smoke test"
    )


@pytest.fixture
def left(cloud: CloudProcess, granted: tenants.TenantKey) -> Iterator[Tenant]:
    """Tells what the stage holds of the tenant."""
    with httpx.Client(base_url=cloud.endpoint_url) as nobody:
        yield Tenant(granted.tenant, cloud, nobody)


class Broken(Api):
    """An API that answers questions without a citation."""

    def ask(self, body: dict[str, Any]) -> dict[str, Any]:
        return {**super().ask(body), "citations": []}


def test_a_stage_that_works_answers_with_a_citation_and_keeps_nothing(
    cloud: CloudProcess,
    granted: tenants.TenantKey,
    left: Tenant,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = left.left()
    with contextlib.closing(Api(cloud.endpoint_url, granted.key, timeout=60)) as api:
        SmokeTest(api, granted.tenant, Output()).run()

    said = capsys.readouterr().out
    assert "GET /v1/health: ok" in said
    assert "Upload of operating-handbook.md: ready" in said
    assert "Voss Hydro" in said
    assert "operating-handbook.md, page 1, characters" in said
    assert f"Removal of what was put: done, with the tenant {granted.tenant}" in said
    assert len(before) == 4, "an index, the tenant, its key and the pointer to that"
    demand_nothing(left)


def demand_nothing(left: Tenant) -> None:
    """The key goes a moment before the job gives its place back."""
    until(lambda: not left.left(), f"something is left of {left.name}")


def test_a_stage_that_answers_without_citation_fails_and_keeps_nothing_either(
    cloud: CloudProcess, granted: tenants.TenantKey, left: Tenant
) -> None:
    with (
        contextlib.closing(Broken(cloud.endpoint_url, granted.key, timeout=60)) as api,
        pytest.raises(SmokeTestError, match=r"POST /v1/ask: .* does not quote 'Voss Hydro'"),
    ):
        SmokeTest(api, granted.tenant, Output()).run()

    demand_nothing(left)


def test_a_key_that_is_refused_is_told_with_every_step_that_failed(cloud: CloudProcess) -> None:
    with (
        contextlib.closing(Api(cloud.endpoint_url, tenants.new_key(), timeout=60)) as api,
        pytest.raises(SmokeTestError) as failed,
    ):
        SmokeTest(api, "check-nobody", Output()).run()

    upload, removal = str(failed.value).splitlines()
    assert upload.startswith("Upload of operating-handbook.md: rejected: Forbidden")
    assert removal.startswith("Removal of what was put: Forbidden")
