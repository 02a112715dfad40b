"""moto's engines behind a journal: what was acknowledged is there after a restart."""

from __future__ import annotations

import base64
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localcloud.errors import AwsError
from localcloud.moto.engine import MotoEngine
from localcloud.service import CloudContext
from tests.soak import often
from tests.unit.moto.conftest import Open, Opened


def journal(tmp_path: Path, folder: str = "data") -> list[str]:
    file = sqlite3.connect(tmp_path / folder / "moto" / "journal.sqlite3")
    rows = [row[0] for row in file.execute("SELECT operation FROM journal ORDER BY seq")]
    file.close()
    return rows


def put(cloud: Opened, key: str, **more: Any) -> dict[str, Any]:
    return cloud("dynamodb", "PutItem", TableName="t", Item={"pk": {"S": key}}, **more)


def test_a_restart_should_yield_the_same_identifiers(opened: Open) -> None:
    with opened() as first:
        made = [first("kms", "CreateKey")["KeyMetadata"]["KeyId"] for _ in range(3)]
        secret = first("secretsmanager", "CreateSecret", Name="s", SecretString="x")
    with opened() as second:
        assert [key["KeyId"] for key in second("kms", "ListKeys")["Keys"]] == made
        got = second("secretsmanager", "GetSecretValue", SecretId="s")
        assert (got["ARN"], got["VersionId"]) == (secret["ARN"], secret["VersionId"])


def test_what_a_key_encrypted_should_be_read_after_a_restart(opened: Open) -> None:
    text = base64.b64encode(b"kept").decode()
    with opened() as first:
        key = first("kms", "CreateKey")["KeyMetadata"]["KeyId"]
        blob = first("kms", "Encrypt", KeyId=key, Plaintext=text)["CiphertextBlob"]
    with opened() as second:
        assert second("kms", "Decrypt", CiphertextBlob=blob)["Plaintext"] == text


def test_keys_that_could_not_be_kept_should_be_refused(opened: Open) -> None:
    with opened() as cloud, pytest.raises(AwsError, match="RSA_2048"):
        cloud("kms", "CreateKey", KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")


def test_two_clouds_on_two_folders_should_share_nothing(opened: Open) -> None:
    with opened("one") as one:
        one.table()
        put(one, "mine")
    with opened("two") as two:
        assert two("dynamodb", "ListTables")["TableNames"] == []
    with opened("one") as one:
        assert set(one.items()) == {"mine"}


def test_a_process_should_have_one_at_a_time(opened: Open, tmp_path: Path) -> None:
    with opened(), pytest.raises(RuntimeError, match="close it first"):
        MotoEngine(CloudContext(tmp_path / "other", "http://127.0.0.1"))
    with opened() as again:
        assert again("dynamodb", "ListTables")["TableNames"] == []


def test_a_start_that_fails_should_not_keep_the_next_from_starting(
    opened: Open, tmp_path: Path
) -> None:
    (tmp_path / "data" / "moto").mkdir(parents=True)
    (tmp_path / "data" / "moto" / "journal.sqlite3").write_bytes(b"this is no database" * 100)
    with pytest.raises(sqlite3.DatabaseError):
        MotoEngine(CloudContext(tmp_path / "data", "http://127.0.0.1"))
    with opened("other") as cloud:
        assert cloud("dynamodb", "ListTables")["TableNames"] == []


def test_reads_and_failed_calls_should_leave_no_entry(opened: Open, tmp_path: Path) -> None:
    with opened() as cloud:
        cloud.table()
        put(cloud, "a")
        refused = put(cloud, "a", ConditionExpression="attribute_not_exists(pk)")
        assert refused["__type"].endswith("ConditionalCheckFailedException")
        cloud.items()
        cloud("dynamodb", "GetItem", TableName="t", Key={"pk": {"S": "a"}})
    assert journal(tmp_path) == ["CreateTable", "PutItem"]


def test_what_the_journal_refuses_should_not_be_done(opened: Open, tmp_path: Path) -> None:
    with opened() as cloud:
        cloud.table()
        put(cloud, "before")
        file = sqlite3.connect(tmp_path / "data" / "moto" / "journal.sqlite3")
        file.execute(
            "CREATE TRIGGER full BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
        with pytest.raises(sqlite3.IntegrityError, match="full"):
            put(cloud, "lost")
        file.execute("DROP TRIGGER full")
        file.close()
        assert set(cloud.items()) == {"before"}
        put(cloud, "after")
    with opened() as again:
        assert set(again.items()) == {"before", "after"}


def test_an_operation_that_moto_lacks_should_be_refused_and_leave_no_entry(
    opened: Open, tmp_path: Path
) -> None:
    with opened() as cloud, pytest.raises(AwsError) as caught:
        cloud("dynamodb", "UpdateGlobalTableSettings", GlobalTableName="t")
    assert caught.value.code in ("UnsupportedOperation", "UnknownOperationException")
    assert journal(tmp_path) == []


def test_backups_should_be_refused_for_they_would_not_last(opened: Open) -> None:
    with opened() as cloud:
        cloud.table()
        with pytest.raises(AwsError, match="no backups"):
            cloud("dynamodb", "CreateBackup", TableName="t", BackupName="b")


def test_a_transaction_should_be_kept_whole_or_not_at_all(opened: Open) -> None:
    def transact(cloud: Opened, *keys: str) -> dict[str, Any]:
        condition = "attribute_not_exists(pk)"
        puts = [
            {"TableName": "t", "Item": {"pk": {"S": key}}, "ConditionExpression": condition}
            for key in keys
        ]
        writes = [{"Put": put} for put in puts]
        return cloud("dynamodb", "TransactWriteItems", TransactItems=writes)

    with opened() as cloud:
        cloud.table()
        transact(cloud, "a", "b")
        refused = transact(cloud, "c", "b")
        assert refused["__type"].endswith("TransactionCanceledException")
        assert set(cloud.items()) == {"a", "b"}
    with opened() as again:
        assert set(again.items()) == {"a", "b"}


def test_later_calls_should_be_replayed_after_earlier_ones(opened: Open) -> None:
    with opened() as cloud:
        cloud.table()
        put(cloud, "a")
        cloud("dynamodb", "DeleteTable", TableName="t")
        cloud.table()
        for number in range(5):
            value = {":v": {"N": str(number)}}
            cloud(
                "dynamodb",
                "UpdateItem",
                TableName="t",
                Key={"pk": {"S": "b"}},
                UpdateExpression="SET v = :v, seen = list_append(if_not_exists(seen, :none), :l)",
                ExpressionAttributeValues={
                    **value,
                    ":none": {"L": []},
                    ":l": {"L": [{"N": str(number)}]},
                },
            )
        before = cloud.items()
    with opened() as again:
        assert again.items() == before
        assert [each["N"] for each in before["b"]["seen"]["L"]] == list("01234")


def test_compaction_should_keep_every_item_of_every_table(opened: Open, tmp_path: Path) -> None:
    names = [f"table-{number:03}" for number in range(103)]
    with opened() as cloud:
        for name in names:
            cloud.table(name)
            for _ in range(2):
                cloud("dynamodb", "PutItem", TableName=name, Item={"pk": {"S": name}})
        cloud("ssm", "PutParameter", Name="p", Value="v", Type="String")
    with opened(compact_above=10) as again:
        assert all(set(again.items(name)) == {name} for name in names)
    assert journal(tmp_path).count("PutItem") == len(names)
    with opened() as last:
        assert all(set(last.items(name)) == {name} for name in names)
        assert last("ssm", "GetParameter", Name="p")["Parameter"]["Value"] == "v"


def test_compaction_should_bring_back_nothing_that_was_deleted(opened: Open) -> None:
    with opened() as cloud:
        cloud.table()
        insert = "INSERT INTO t VALUE {'pk': 'gone'}"
        cloud("dynamodb", "ExecuteStatement", Statement=insert)
        put(cloud, "stays")
        cloud("dynamodb", "DeleteItem", TableName="t", Key={"pk": {"S": "gone"}})
    with opened(compact_above=0) as again:
        assert set(again.items()) == {"stays"}
    with opened() as last:
        assert set(last.items()) == {"stays"}


STEPS = st.lists(
    st.tuples(st.sampled_from(["put", "add", "delete", "batch"]), st.sampled_from("abc")),
    max_size=12,
)


@settings(
    max_examples=often(25, 6),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
def test_compaction_should_change_nothing_that_can_be_seen(
    opened: Open, tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str]]
) -> None:
    folder = str(tmp_path_factory.mktemp("journal"))
    with opened(folder) as cloud:
        cloud.table()
        for what, key in steps:
            do(cloud, what, key)
        before = cloud.items()
    with opened(folder, compact_above=0) as compacting:
        assert compacting.items() == before
    with opened(folder) as after:
        assert after.items() == before


def do(cloud: Opened, what: str, key: str) -> None:
    named = {"pk": {"S": key}}
    if what == "put":
        cloud("dynamodb", "PutItem", TableName="t", Item={**named, "set": {"SS": ["x", "y"]}})
    elif what == "delete":
        cloud("dynamodb", "DeleteItem", TableName="t", Key=named)
    elif what == "batch":
        writes = {"t": [{"PutRequest": {"Item": {**named, "b": {"B": "AAE="}}}}]}
        cloud("dynamodb", "BatchWriteItem", RequestItems=writes)
    else:
        cloud(
            "dynamodb",
            "UpdateItem",
            TableName="t",
            Key=named,
            UpdateExpression="ADD n :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )
