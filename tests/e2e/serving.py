"""Serving models that a stage trained, on a whole local cloud, and asking them."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import httpx
import psutil
from click.testing import CliRunner

from chalicelib.contracts.serving import ServedVersion
from cli.main import headrace
from tests import exported_models
from tests.cloud import CloudProcess
from tests.e2e.driving import until
from tests.e2e.tenants import Tenant
from tests.exported_models import Files, packed


def serve(cloud: CloudProcess, folder: Path, model: str, group: str, files: Files) -> ServedVersion:
    """Register files as the next version of a group, have it answer as `model`, and return it."""
    sagemaker = cloud.client("sagemaker")
    found = sagemaker.list_model_package_groups(NameContains=group)
    there = [each["ModelPackageGroupName"] for each in found["ModelPackageGroupSummaryList"]]
    if group not in there:
        sagemaker.create_model_package_group(ModelPackageGroupName=group)
    place = (cloud.outputs["DocumentsBucketName"], group)
    arn = exported_models.registered(cloud.client, place, packed(exported_models.fit(files)))
    said = {"endpoint_url": cloud.endpoint_url, "outputs": dict(cloud.outputs)}
    (folder / "cloud.json").write_text(json.dumps(said))
    asked = ["models", "serve", model, arn, "--data-dir", str(folder), "--json"]
    done = CliRunner().invoke(headrace, asked, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return ServedVersion.model_validate(json.loads(done.stdout)["serves"])


def forget(cloud: CloudProcess, function: str) -> None:
    """End the processes of a function, so that the next call finds a new one."""
    for child in psutil.Process(cloud.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if child.environ().get("AWS_LAMBDA_FUNCTION_NAME") == f"headrace-local-{function}":
                child.kill()
                child.wait(10)


def swapped(
    cloud: CloudProcess, folder: Path, model: str, group: str, files: Files, function: str
) -> ServedVersion:
    """Serve files as `serve` does, and have the function know it at once: a process of it that has
    answered looks again after half a minute only.
    """
    version = serve(cloud, folder, model, group, files)
    forget(cloud, function)
    return version


def asked(tenant: Tenant, path: str = "/v1/generations", **body: Any) -> dict[str, Any]:
    """Ask, again where a process of the function had just ended, and return the answer."""
    answer = _answered(tenant, path, body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def refused(tenant: Tenant, status: int, path: str = "/v1/generations", **body: Any) -> str:
    """Ask, again as `asked` does, and return why that is refused."""
    answer = _answered(tenant, path, body)
    assert answer.status_code == status, answer.text
    return str(answer.json()["error"]["message"])


def _answered(tenant: Tenant, path: str, body: dict[str, Any]) -> httpx.Response:
    def once() -> httpx.Response | None:
        answer = tenant.api.post(path, json=body)
        return None if answer.status_code == 503 else answer

    return until(once, "an answer")
