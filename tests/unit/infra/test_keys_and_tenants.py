"""Tenants and their keys, on the local cloud's DynamoDB and S3 Vectors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config

from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.api_keys import ApiKeyTable
from chalicelib.adapters.records.evaluations import VerdictTable
from chalicelib.adapters.records.locations import LocationTable
from chalicelib.api.auth import hash_key
from infra import tenants
from localcloud.dynamodb.service import DynamoDbService
from localcloud.frontdoor.application import Backends, FrontDoor
from localcloud.frontdoor.http_server import HttpServer
from localcloud.s3vectors.service import S3VectorsService
from localcloud.service import CloudContext
from tests import clients

STAGE = tenants.TenantStorage("records", "vectors-here")
NOW = datetime(2026, 11, 30, tzinfo=UTC)


class Clients:
    """boto3 clients of a front door with two rooms behind it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._made: dict[str, Any] = {}

    def __call__(self, service: str) -> Any:
        if service not in self._made:
            self._made[service] = clients.client(
                service,
                endpoint_url=self.url,
                config=Config(retries={"total_max_attempts": 1}),
            )
        return self._made[service]

    def close(self) -> None:
        for client in self._made.values():
            client.close()


def nothing(environ: object, start_response: object) -> list[bytes]:
    raise AssertionError("no tenant asks this room")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Clients]:
    server = HttpServer()
    surroundings = CloudContext(tmp_path, server.url)
    dynamodb, vectors = DynamoDbService(surroundings), S3VectorsService(surroundings)
    backends = Backends({"s3vectors": (vectors,)}, None, nothing, nothing, dynamodb)  # type: ignore[arg-type]  # moto is not asked
    server.start(FrontDoor(backends))
    clients = Clients(server.url)
    clients("s3vectors").create_vector_bucket(vectorBucketName=STAGE.vector_bucket)
    clients("dynamodb").create_table(
        TableName=STAGE.records_table,
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    yield clients
    clients.close()
    server.stop()
    vectors.stop()
    dynamodb.close()


def record(client: Clients, pk: str, sk: str) -> dict[str, Any] | None:
    key = {"pk": {"S": pk}, "sk": {"S": sk}}
    answer = client("dynamodb").get_item(TableName=STAGE.records_table, Key=key)
    found: dict[str, Any] | None = answer.get("Item")
    return found


def test_a_tenant_should_have_an_index_and_a_pointer_to_it(client: Clients) -> None:
    tenants.create_tenant(client, STAGE, "acme")
    pointer = record(client, "TENANT#acme", "TENANT")
    assert pointer is not None
    index = client("s3vectors").get_index(
        vectorBucketName=pointer["vector_bucket"]["S"], indexName=pointer["index"]["S"]
    )["index"]
    assert (index["dimension"], index["distanceMetric"]) == (384, "cosine")


def test_the_tenant_of_a_key_should_be_known_until_it_is_revoked(client: Clients) -> None:
    tenants.create_tenant(client, STAGE, "acme")
    dynamodb, key = client("dynamodb"), tenants.new_key()
    tenants.grant_key(dynamodb, STAGE.records_table, key, "acme", "a key")
    assert tenants.tenant_of_key(dynamodb, STAGE.records_table, key) == "acme"
    tenants.revoke_key(dynamodb, STAGE.records_table, key, "acme")
    assert tenants.tenant_of_key(dynamodb, STAGE.records_table, key) is None


def test_making_a_tenant_again_should_leave_its_pointer_where_it_is(client: Clients) -> None:
    tenants.create_tenant(client, STAGE, "acme")
    client("dynamodb").update_item(
        TableName=STAGE.records_table,
        Key={"pk": {"S": "TENANT#acme"}, "sk": {"S": "TENANT"}},
        UpdateExpression="SET #i = :next",
        ExpressionAttributeNames={"#i": "index"},
        ExpressionAttributeValues={":next": {"S": "acme-next"}},
    )
    first = f"acme-{tenants.EMBEDDING_MODEL}.terms"
    client("s3vectors").delete_index(vectorBucketName=STAGE.vector_bucket, indexName=first)
    tenants.create_tenant(client, STAGE, "acme")
    pointer = record(client, "TENANT#acme", "TENANT")
    assert pointer is not None
    assert pointer["index"]["S"] == "acme-next"
    listed = client("s3vectors").list_indexes(vectorBucketName=STAGE.vector_bucket)["indexes"]
    assert listed == []


def test_an_index_of_another_kind_should_be_refused(client: Clients) -> None:
    client("s3vectors").create_index(
        vectorBucketName=STAGE.vector_bucket,
        indexName=f"acme-{tenants.EMBEDDING_MODEL}.terms",
        dataType="float32",
        dimension=3,
        distanceMetric="cosine",
    )
    with pytest.raises(ValueError, match="exists with another dimension"):
        tenants.create_tenant(client, STAGE, "acme")
    assert record(client, "TENANT#acme", "TENANT") is None


@pytest.mark.parametrize("name", ["", "a", "Acme", "-acme", "a" * 32, "a/b", "acme\n"])
def test_a_name_that_no_index_could_carry_should_be_refused(client: Clients, name: str) -> None:
    with pytest.raises(ValueError, match="2 to 31 of a-z"):
        tenants.create_tenant(client, STAGE, name)


def test_a_key_should_be_kept_as_its_hash_only(client: Clients) -> None:
    key = tenants.new_key()
    tenants.grant_key(client("dynamodb"), STAGE.records_table, key, "acme", "laptop")
    items = client("dynamodb").scan(TableName=STAGE.records_table)["Items"]
    (kept,) = [item for item in items if item["sk"]["S"] == "KEY"]
    assert (kept["tenant"]["S"], kept["name"]["S"]) == ("acme", "laptop")
    assert record(client, "TENANT#acme", kept["pk"]["S"]) is not None
    assert len(items) == 2
    assert key not in str(items)
    assert key.removeprefix("hr_") not in str(items)


def test_a_key_should_be_an_operators_only_while_it_is_granted_as_one(client: Clients) -> None:
    key, dynamodb = tenants.new_key(), client("dynamodb")
    keys = ApiKeyTable(DynamoTable(dynamodb, STAGE.records_table))
    for granted in (False, True, False):
        tenants.grant_key(dynamodb, STAGE.records_table, key, "acme", "a", operator=granted)
        found = keys.api_key(hash_key(key))
        assert found is not None
        assert found.operator is granted


def test_a_key_should_never_move_to_another_tenant(client: Clients) -> None:
    key, dynamodb = tenants.new_key(), client("dynamodb")
    tenants.grant_key(dynamodb, STAGE.records_table, key, "acme", "a")
    tenants.grant_key(dynamodb, STAGE.records_table, key, "acme", "a")
    with pytest.raises(ValueError, match="another tenant"):
        tenants.grant_key(dynamodb, STAGE.records_table, key, "rival", "a")
    items = dynamodb.scan(TableName=STAGE.records_table)["Items"]
    assert [item["tenant"]["S"] for item in items if item["sk"]["S"] == "KEY"] == ["acme"]
    assert [item["pk"]["S"] for item in items if item["sk"]["S"] != "KEY"] == ["TENANT#acme"]


def test_a_key_should_be_gone_at_once_when_it_is_revoked(client: Clients) -> None:
    key, dynamodb = tenants.new_key(), client("dynamodb")
    tenants.grant_key(dynamodb, STAGE.records_table, key, "acme", "a")
    kept = dynamodb.scan(TableName=STAGE.records_table)["Items"]
    assert tenants.revoke_key(dynamodb, STAGE.records_table, key, "rival") is False
    assert dynamodb.scan(TableName=STAGE.records_table)["Items"] == kept
    assert tenants.revoke_key(dynamodb, STAGE.records_table, key, "acme") is True
    assert dynamodb.scan(TableName=STAGE.records_table)["Items"] == []
    assert tenants.revoke_key(dynamodb, STAGE.records_table, key, "acme") is False


def test_keys_should_be_long_and_never_alike() -> None:
    made = {tenants.new_key() for _ in range(100)}
    assert len(made) == 100
    assert all(len(key) == 46 for key in made)


def test_the_command_should_make_a_tenant_with_a_key_and_take_the_key_away(
    client: Clients, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "cloud.json"
    outputs = {"RecordsTableName": "records", "VectorBucketName": "vectors-here"}
    file.write_text(json.dumps({"endpoint_url": client.url, "outputs": outputs}))
    here = ["--cloud-file", str(file)]

    assert tenants.main([*here, "acme"]) == 0
    key = capsys.readouterr().out.strip()
    assert record(client, "TENANT#acme", "TENANT") is not None
    pk = f"KEY#{hashlib.sha256(key.encode()).hexdigest()}"
    kept = record(client, pk, "KEY")
    assert kept is not None
    assert "operator" not in kept
    assert tenants.main([*here, "acme", "--operator"]) == 0
    operators = hash_key(capsys.readouterr().out.strip())
    theirs = record(client, f"KEY#{operators}", "KEY")
    assert theirs is not None
    assert theirs["operator"] == {"BOOL": True}

    assert tenants.main([*here, "rival", "--revoke", key]) == 1
    assert capsys.readouterr().out == "rival has no such key\n"
    assert record(client, pk, "KEY") is not None
    assert tenants.main([*here, "acme", "--revoke", key]) == 0
    assert record(client, pk, "KEY") is None
    assert tenants.main([*here, "acme", "--revoke", key]) == 1


def test_the_command_should_take_a_profile_and_say_that_there_is_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert tenants.main(["--stage", "dev", "--profile", "nobodys", "acme"]) == 1
    assert "nobodys" in capsys.readouterr().err


def test_a_stage_should_be_found_by_its_outputs() -> None:
    outputs = {"RecordsTableName": "r", "VectorBucketName": "v", "Other": "o"}
    assert tenants.storage_of(outputs) == tenants.TenantStorage("r", "v")


def test_the_command_should_grant_list_and_revoke_locations_of_a_tenant(
    client: Clients, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "cloud.json"
    outputs = {
        "RecordsTableName": "records",
        "VectorBucketName": "vectors-here",
        "DocumentsBucketName": "documents",
    }
    file.write_text(json.dumps({"endpoint_url": client.url, "outputs": outputs}))
    here = ["--cloud-file", str(file), "acme"]
    locations = LocationTable(DynamoTable(client("dynamodb"), STAGE.records_table))

    assert tenants.main([*here, "--location", "s3://files/in"]) == 1
    assert "no tenant acme" in capsys.readouterr().err
    tenants.create_tenant(client, STAGE, "acme")
    assert tenants.main([*here, "--location", "s3://files/in", "--read-only"]) == 0
    assert tenants.main([*here, "--location", "s3://files/out/"]) == 0
    assert capsys.readouterr().out.startswith("s3://files/in/  read; the stage's parameter")
    assert locations.granted("acme", writes=False) == ["s3://files/in/", "s3://files/out/"]
    assert locations.granted("acme", writes=True) == ["s3://files/out/"]
    assert locations.granted("rival", writes=False) == []
    assert tenants.main([*here, "--locations"]) == 0
    listed = capsys.readouterr().out
    assert listed == "s3://files/in/  read\ns3://files/out/  read and write\n"

    assert tenants.main([*here, "--no-location", "s3://files/in/"]) == 0
    assert tenants.main([*here, "--no-location", "s3://files/in/"]) == 1
    assert locations.granted("acme", writes=False) == ["s3://files/out/"]
    for refused in ("s3://documents/inbox/rival/", "s3://files/*", "files"):
        assert tenants.main([*here, "--location", refused]) == 1
    with pytest.raises(SystemExit):
        tenants.main([*here, "--read-only"])


def test_suites_should_be_required_of_a_tenant_until_they_are_not(client: Clients) -> None:
    dynamodb = client("dynamodb")
    assert not tenants.require_suites(dynamodb, STAGE.records_table, "acme", required=True)
    tenants.create_tenant(client, STAGE, "acme")
    verdicts = VerdictTable(DynamoTable(dynamodb, STAGE.records_table), lambda: NOW)
    assert not verdicts.suite_required("acme")
    for required in (True, False):
        assert tenants.require_suites(dynamodb, STAGE.records_table, "acme", required=required)
        assert verdicts.suite_required("acme") is required
