"""The whole product with SnapStart on: an upload is read and a question answered by aliases."""

from __future__ import annotations

import json
from pathlib import Path

import httpx

from infra import tenants
from localcloud.composition import run_cloud
from tests.architecture.templates import plain
from tests.cloud import PROJECT
from tests.e2e.driving import settled, upload

CHOSEN = (
    *("APIHandler", "Authorizer", "EmbedText", "ObjectCreated", "ExecutionEnded"),
    *("ChunkDocument", "EmbedChunks"),
)
VALUES = {
    "Stage": "local",
    "Architecture": "x86_64",
    "ModelsDir": str(PROJECT / "models" / "cache"),
    "WebhookTargets": "any",
}
TEXT = b"# Turbine\n\nThe turbine was made by Voss Hydro in 2011.\n"


def test_a_stage_should_work_when_its_functions_start_from_snapshots(
    tmp_path: Path, models_pulled: Path
) -> None:
    template = plain("local", "--snap-start", ",".join(CHOSEN))
    with run_cloud(tmp_path, template, VALUES, PROJECT, 0) as (cloud, outputs):
        stage = tenants.TenantStorage(outputs["RecordsTableName"], outputs["VectorBucketName"])
        tenants.create_tenant(cloud.client, stage, "local")
        key = tenants.new_key()
        tenants.grant_key(
            cloud.client("dynamodb"), outputs["RecordsTableName"], key, "local", "test"
        )
        with httpx.Client(
            base_url=cloud.context.endpoint_url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=60,
        ) as api:
            document = upload(api, "turbine.md", TEXT, "default")
            assert settled(api, document)["status"] == "ready"
            answer = api.post("/v1/ask", json={"question": "Who made the turbine?"})
            assert "Voss Hydro" in answer.json()["answer"]
    assert called(tmp_path) >= {"APIHandler", "Authorizer", "EmbedText", "ObjectCreated"}


def called(data: Path) -> set[str]:
    """Return the chosen functions whose workers ran version 1, and hold that none ran another."""
    found = set()
    for file in (data / "lambdas" / "logs").glob("*.log"):
        lines = [line for line in file.read_text().splitlines() if '"platform.start"' in line]
        versions = {json.loads(line.split(" ", 2)[2])["record"]["version"] for line in lines}
        name = file.stem.removeprefix("headrace-").removeprefix("local-").replace("-", "")
        for chosen in CHOSEN:
            if name.startswith(chosen.lower()):
                assert versions == {"1"}, (file.name, versions)
                found.add(chosen)
    return found
