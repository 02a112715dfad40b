"""moto's engines behind a journal: what was acknowledged is there after a restart."""

from __future__ import annotations

import base64
import sqlite3
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from moto.sns.models import sns_backends

from localcloud.errors import AwsError
from localcloud.moto.engine import MotoEngine
from localcloud.moto.journal import RawCall
from localcloud.service import CloudContext
from tests.unit.moto.conftest import Open, Opened


def journal(tmp_path: Path, folder: str = "data") -> list[str]:
    file = sqlite3.connect(tmp_path / folder / "moto" / "journal.sqlite3")
    rows = [row[0] for row in file.execute("SELECT operation FROM journal ORDER BY seq")]
    file.close()
    return rows


def put(cloud: Opened, name: str, value: str = "v", **more: Any) -> dict[str, Any]:
    return cloud("ssm", "PutParameter", Name=name, Value=value, Type="String", **more)


def names(cloud: Opened) -> set[str]:
    found = cloud("ssm", "DescribeParameters")["Parameters"]
    return {each["Name"] for each in found}


def test_a_restart_should_yield_the_same_identifiers(opened: Open) -> None:
    with opened() as first:
        made = [first("kms", "CreateKey")["KeyMetadata"]["KeyId"] for _ in range(3)]
        secret = first("secretsmanager", "CreateSecret", Name="s", SecretString="x")
    with opened() as second:
        assert [key["KeyId"] for key in second("kms", "ListKeys")["Keys"]] == made
        got = second("secretsmanager", "GetSecretValue", SecretId="s")
        assert (got["ARN"], got["VersionId"]) == (secret["ARN"], secret["VersionId"])


def test_secrets_should_be_kept_where_only_their_owner_reads(opened: Open, tmp_path: Path) -> None:
    with opened() as cloud:
        cloud("secretsmanager", "CreateSecret", Name="s", SecretString="x")
    files = [path for path in tmp_path.rglob("journal.sqlite3*") if path.is_file()]
    assert files
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


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
        put(one, "mine")
    with opened("two") as two:
        assert names(two) == set()
    with opened("one") as one:
        assert names(one) == {"mine"}


def test_a_process_should_have_one_at_a_time(opened: Open, tmp_path: Path) -> None:
    with opened(), pytest.raises(RuntimeError, match="close it first"):
        MotoEngine(CloudContext(tmp_path / "other", "http://127.0.0.1"))
    with opened() as again:
        assert names(again) == set()


def test_a_start_that_fails_should_not_keep_the_next_from_starting(
    opened: Open, tmp_path: Path
) -> None:
    (tmp_path / "data" / "moto").mkdir(parents=True)
    (tmp_path / "data" / "moto" / "journal.sqlite3").write_bytes(b"this is no database" * 100)
    with pytest.raises(sqlite3.DatabaseError):
        MotoEngine(CloudContext(tmp_path / "data", "http://127.0.0.1"))
    with opened("other") as cloud:
        assert names(cloud) == set()


def test_reads_and_failed_calls_should_leave_no_entry(opened: Open, tmp_path: Path) -> None:
    with opened() as cloud:
        put(cloud, "a")
        assert put(cloud, "a")["__type"].endswith("ParameterAlreadyExists")
        assert names(cloud) == {"a"}
        cloud("ssm", "GetParameter", Name="a")
    assert journal(tmp_path) == ["PutParameter"]


def test_what_the_journal_refuses_should_not_be_done(opened: Open, tmp_path: Path) -> None:
    with opened() as cloud:
        put(cloud, "before")
        file = sqlite3.connect(tmp_path / "data" / "moto" / "journal.sqlite3")
        file.execute(
            "CREATE TRIGGER full BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
        with pytest.raises(sqlite3.IntegrityError, match="full"):
            put(cloud, "lost")
        file.execute("DROP TRIGGER full")
        file.close()
        assert names(cloud) == {"before"}
        put(cloud, "after")
    with opened() as again:
        assert names(again) == {"before", "after"}


def test_an_operation_that_moto_lacks_should_be_refused_and_leave_no_entry(
    opened: Open, tmp_path: Path
) -> None:
    with opened() as cloud, pytest.raises(AwsError) as caught:
        cloud("ssm", "StartChangeRequestExecution", DocumentName="d")
    assert caught.value.code in ("UnsupportedOperation", "UnknownOperationException")
    assert journal(tmp_path) == []


def test_later_calls_should_be_replayed_after_earlier_ones(opened: Open) -> None:
    with opened() as cloud:
        put(cloud, "a")
        cloud("ssm", "DeleteParameter", Name="a")
        for number in range(5):
            put(cloud, "b", str(number), Overwrite=True)
    with opened() as again:
        assert names(again) == {"b"}
        found = again("ssm", "GetParameter", Name="b")["Parameter"]
        assert (found["Value"], found["Version"]) == ("4", 5)


def test_log_lines_should_be_taken_and_not_journalled(opened: Open, tmp_path: Path) -> None:
    with opened() as cloud:
        cloud("logs", "CreateLogGroup", logGroupName="g")
        cloud("logs", "CreateLogStream", logGroupName="g", logStreamName="s")
        events = [{"timestamp": int(time.time() * 1000), "message": "hello"}]
        cloud("logs", "PutLogEvents", logGroupName="g", logStreamName="s", logEvents=events)
        got = cloud("logs", "GetLogEvents", logGroupName="g", logStreamName="s")
        assert [each["message"] for each in got["events"]] == ["hello"]
    assert journal(tmp_path) == ["CreateLogGroup", "CreateLogStream"]


def test_log_lines_of_an_older_journal_should_be_dropped(opened: Open, tmp_path: Path) -> None:
    with opened() as cloud:
        put(cloud, "a")
    file = sqlite3.connect(tmp_path / "data" / "moto" / "journal.sqlite3")
    with file:
        file.execute(
            "INSERT INTO journal (service, operation, method, path, headers, body)"
            " VALUES ('logs', 'PutLogEvents', 'POST', '/',"
            """ '{"x-amz-target": "Logs_20140328.PutLogEvents"}', '{}')"""
        )
    file.close()
    with opened():
        assert journal(tmp_path) == ["PutParameter"]


def test_log_streams_that_are_gone_should_not_be_replayed(opened: Open, tmp_path: Path) -> None:
    with opened() as cloud:
        cloud("logs", "CreateLogGroup", logGroupName="g")
        for name in ("one", "two", "three", "one"):
            cloud("logs", "CreateLogStream", logGroupName="g", logStreamName=name)
            if name != "two":
                cloud("logs", "DeleteLogStream", logGroupName="g", logStreamName=name)
        cloud("logs", "CreateLogStream", logGroupName="g", logStreamName="one")
    with opened() as again:
        found = again("logs", "DescribeLogStreams", logGroupName="g")["logStreams"]
        assert {each["logStreamName"] for each in found} == {"one", "two"}
    assert journal(tmp_path) == ["CreateLogGroup", "CreateLogStream", "CreateLogStream"]


def test_a_topic_should_keep_no_message_that_it_sent(tmp_path: Path) -> None:
    engine = MotoEngine(CloudContext(tmp_path, "http://127.0.0.1"))
    arn = "arn:aws:sns:us-east-1:000000000000:news"
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sns/aws4_request",
    }
    for form in ({"Action": "CreateTopic", "Name": "news"}, {"Action": "Publish", "Message": "m"}):
        body = urlencode({"Version": "2010-03-31", "TopicArn": arn, **form}).encode()
        call = RawCall("sns", form["Action"], "POST", "/", headers, body)
        assert engine.handle(call).status == 200
    assert sns_backends["000000000000"]["us-east-1"].topics[arn].sent_notifications == []
    engine.close()
