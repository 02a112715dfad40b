"""A model that the stage serves, on a whole local cloud: drawn by every way, swapped, spoilt."""

from __future__ import annotations

import base64
import io
import json
import secrets
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from chalicelib.contracts.serving import ServedVersion
from tests.cloud import CloudProcess
from tests.e2e.driving import until
from tests.e2e.serving import forget, serve
from tests.e2e.tenants import Tenant, make_tenant
from tests.e2e.test_batches import begun, fetched
from tests.exported_models import Files, decoder

MODEL = "digits-vae"
GROUP = "headrace-local-vae"
ASKED = {"model": MODEL, "prompt": "a seven", "seed": 7}


@pytest.fixture(scope="module")
def tenant(cloud: CloudProcess) -> Iterator[Tenant]:
    made = make_tenant(cloud, f"draws-{secrets.token_hex(3)}")
    yield made
    made.api.close()


def served(cloud: CloudProcess, folder: Path, files: Files) -> ServedVersion:
    """Serve files as the model that these tests ask."""
    return serve(cloud, folder, MODEL, GROUP, files)


def drawn(tenant: Tenant, **more: Any) -> dict[str, Any]:
    """Ask as OpenAI's clients do, again where a process of the function had just ended."""

    def asked() -> httpx.Response | None:
        answer = tenant.api.post("/v1/images/generations", json={**ASKED, **more})
        return None if answer.status_code == 503 else answer

    answer = until(asked, "an answer")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def size_of(picture: str) -> tuple[int, int]:
    with Image.open(io.BytesIO(base64.b64decode(picture))) as image:
        return image.size


def test_a_version_should_draw_by_every_way_and_go_on_where_the_next_is_corrupt(
    cloud: CloudProcess, tenant: Tenant, tmp_path: Path
) -> None:
    none = tenant.api.post("/v1/images/generations", json=ASKED)
    assert (none.status_code, none.json()["error"]["param"]) == (409, "model")
    assert f"headrace models serve {MODEL} VERSION" in none.json()["error"]["message"]
    first = served(cloud, tmp_path, decoder())
    one = drawn(tenant, n=2, size="64x64")
    pictures = [each["b64_json"] for each in one["data"]]
    assert [size_of(each) for each in pictures] == [(64, 64)] * 2
    (line,) = one["headrace"]["receipt"]["lines"]
    assert (line["model"], line["priced_as"], line["images"]) == (first.label, "lambda", 2)
    assert Decimal(line["dollars"]) > 0
    assert any("prompt is left out" in each for each in one["headrace"]["plan"])
    walk_of(tenant, pictures[0])
    as_jobs(tenant)
    usage = tenant.api.get("/v1/usage").json()["total"]
    assert usage["images"] == 2 + 3 + 1 + 1
    second = served(cloud, tmp_path, decoder(0.5))
    bucket = cloud.outputs["DocumentsBucketName"]
    key = f"{second.prefix}decoder.onnx"
    cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=b"corrupt")
    forget(cloud, "generate-image")
    again = drawn(tenant, n=2, size="64x64")
    assert [each["b64_json"] for each in again["data"]] == pictures
    assert again["headrace"]["receipt"]["lines"][0]["model"] == first.label


def walk_of(tenant: Tenant, first: str) -> None:
    """Walk between two seeds by the API's own route, from the picture that was drawn `first`."""
    body = {"task": "image", **ASKED, "to_seed": 8, "count": 3, "width": 64, "height": 64}
    refused = tenant.api.post("/v1/generations", json={**body, "budget": "0.000001"})
    assert refused.status_code == 422
    assert "and the budget is $0.000001" in refused.json()["error"]["message"]
    answer = tenant.api.post("/v1/generations", json=body)
    assert answer.status_code == 200, answer.text
    images = answer.json()["output"]["images"]
    assert (images[0], len(set(images))) == (first, 3)


def as_jobs(tenant: Tenant) -> None:
    """Have one picture drawn by a job of one call, and one by a batch."""
    call = {"task": "image", **ASKED, "width": 8, "height": 8}
    job = tenant.ended(tenant.job("POST", "/v1/generations/jobs", call))
    assert job["status"] == "succeeded", job
    line = {"id": "a", "task": "image", "prompt": "a seven", "width": 8, "height": 8}
    batch = tenant.ended(begun(tenant, [json.dumps(line)], model=MODEL))
    assert batch["status"] == "succeeded", batch
    (result,) = fetched(batch)["results.jsonl"]
    assert size_of(result["generation"]["output"]["images"][0]) == (8, 8)
