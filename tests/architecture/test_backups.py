"""What is said to be held after a removal, against what the template makes hold it."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.api.idempotency import KEPT_SECONDS
from chalicelib.contracts.answer_log import ASKED_DAYS
from chalicelib.jobs import removals
from chalicelib.jobs.lifecycle import RESULTS_DAYS
from infra.models import merger, own_data
from infra.synthesis.sources import read_sources
from tests.architecture.ingest_definition import ROOT

DAY = 24 * 3600


def resources(kind: str) -> list[dict[str, Any]]:
    found = read_sources(ROOT)["Resources"].values()
    return [each["Properties"] for each in found if each["Type"] == kind]


def days_of(where: str) -> int:
    (found,) = [backup.days for backup in removals.BACKUPS if backup.where.startswith(where)]
    return found


def test_records_can_be_recovered_for_as_long_as_is_said() -> None:
    (table,) = resources("AWS::DynamoDB::Table")
    recovery = table["PointInTimeRecoverySpecification"]
    assert recovery["PointInTimeRecoveryEnabled"] is True
    assert recovery["RecoveryPeriodInDays"] == days_of("DynamoDB point-in-time recovery")


def test_objects_are_kept_nowhere_else() -> None:
    (bucket,) = resources("AWS::S3::Bucket")
    assert "ReplicationConfiguration" not in bucket
    assert "ObjectLockEnabled" not in bucket
    assert days_of("S3, inbox/") == 0
    assert not resources("AWS::Backup::BackupPlan")


def test_exports_expire_when_it_is_said() -> None:
    (bucket,) = resources("AWS::S3::Bucket")
    rules = bucket["LifecycleConfiguration"]["Rules"]
    (exports,) = [rule for rule in rules if rule.get("Prefix") == "jobs/"]
    assert exports["Status"] == "Enabled"
    assert exports["ExpirationInDays"] == RESULTS_DAYS == days_of("S3, jobs/")


def test_results_of_schedules_expire_when_it_is_said() -> None:
    (bucket,) = resources("AWS::S3::Bucket")
    rules = bucket["LifecycleConfiguration"]["Rules"]
    (results,) = [rule for rule in rules if rule.get("Prefix") == "results/"]
    assert results["Status"] == "Enabled"
    assert results["ExpirationInDays"] == removals.SCHEDULE_RESULTS_DAYS
    assert days_of("S3, results/") == removals.SCHEDULE_RESULTS_DAYS
    kept = {rule["Prefix"] for rule in rules if "ExpirationInDays" in rule}
    # Files under sources/ stay. Rows for Bedrock go even if their job did not delete them.
    trained_on = {own_data.PREFIX, own_data.OF_TENANTS, merger.PREFIX}
    assert kept == {"jobs/", "models/bedrock/rows/", "results/"} | trained_on


@pytest.mark.parametrize("prefix", [own_data.PREFIX, own_data.OF_TENANTS, merger.PREFIX])
def test_rows_and_bases_of_trainings_expire_when_their_upload_counts_on_it(prefix: str) -> None:
    (bucket,) = resources("AWS::S3::Bucket")
    rules = bucket["LifecycleConfiguration"]["Rules"]
    (rule,) = [rule for rule in rules if rule.get("Prefix") == prefix]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", own_data.KEPT_DAYS)


def test_messages_are_held_no_longer_than_is_said() -> None:
    longest = max(queue["MessageRetentionPeriod"] for queue in resources("AWS::SQS::Queue"))
    assert longest == days_of("SQS") * DAY


def test_logs_are_held_no_longer_than_is_said() -> None:
    parameter = read_sources(ROOT)["Parameters"]["LogRetentionDays"]
    assert parameter["Default"] == days_of("CloudWatch Logs")
    groups = resources("AWS::Logs::LogGroup")
    assert groups
    assert all(group["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups)
    assert "LoggingConfig" in read_sources(ROOT)["Globals"]["Function"]


def test_kept_answers_are_held_no_longer_than_is_said() -> None:
    assert days_of("DynamoDB, answers kept") * DAY == KEPT_SECONDS


def test_what_can_be_rated_is_held_no_longer_than_is_said() -> None:
    assert days_of("DynamoDB, answers and searches") == ASKED_DAYS


def test_of_a_tenant_that_is_gone_neither_answers_nor_exports_are_held() -> None:
    said = {backup.where for backup in removals.TENANT_BACKUPS}
    assert said == {backup.where for backup in removals.BACKUPS} - {
        "DynamoDB, answers kept for an Idempotency-Key",
        "DynamoDB, answers and searches kept to be rated",
        "DynamoDB, calls that monitors captured",
        "S3, jobs/",
        "S3, results/",
    }


def test_no_bus_keeps_its_events() -> None:
    assert not resources("AWS::Events::Archive")
