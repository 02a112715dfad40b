"""Removals that meet what moto does not have: what runs, what is kept, what fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.deployment.failures import DeploymentError
from infra.deployment.removal.removal import MAX_POLLS
from infra.deployment.removal.service_resources import MAX_POLLS as JOB_POLLS
from tests.unit.infra.deployment.aws import (
    ACCOUNT,
    NO_SERVICE_RESOURCES,
    REGION,
    Refusal,
    fixed,
    refuse,
)
from tests.unit.infra.deployment.cloudformation import STACK
from tests.unit.infra.deployment.removal_stage import (
    BUCKET,
    GONE,
    INGEST,
    KEY,
    SOURCE,
    Stage,
)


def test_events_are_turned_off_and_executions_stopped_before_anything_is_emptied() -> None:
    stage = Stage()
    stage.cloudformation.script = list(GONE)

    stage.destroy()

    assert stage.asked("lambda.UpdateEventSourceMapping") == [{"UUID": SOURCE, "Enabled": False}]
    assert stage.asked("events.DisableRule") == [
        {"Name": "headrace-dev-webhooks", "EventBusName": "headrace-dev"},
        {"Name": "headrace-dev-sweep"},
    ]
    stopped = [each["executionArn"] for each in stage.asked("stepfunctions.StopExecution")]
    assert stopped == [f"{INGEST}:0", f"{INGEST}:1"]
    calls = stage.aws.calls
    assert calls.index("stepfunctions.StopExecution") < calls.index("s3.DeleteObjects")
    assert calls.index("s3.DeleteObjects") < calls.index("cloudformation.DeleteStack")


def batch_job(bucket: str, status: str) -> dict[str, Any]:
    place = {"s3Uri": f"s3://{bucket}/jobs/records.jsonl"}
    return {
        "jobArn": f"arn:aws:bedrock:{REGION}:{ACCOUNT}:model-invocation-job/{'0' * 12}",
        "jobName": "headrace-01J-1",
        "modelId": "amazon.nova-micro-v1:0",
        "roleArn": f"arn:aws:iam::{ACCOUNT}:role/headrace-dev-batches",
        "submitTime": "2026-01-01",
        "status": status,
        "inputDataConfig": {"s3InputDataConfig": place},
        "outputDataConfig": {"s3OutputDataConfig": place},
    }


def stage_with_batch_job(polls: int, bucket: str = BUCKET) -> Stage:
    """Return a stage whose batch job has stopped when it was looked at `polls` times."""
    stage = Stage()
    stage.cloudformation.script = list(GONE)
    states = iter([*["Stopping"] * polls, "Stopped"])
    stage.aws.answers |= {
        "bedrock.ListModelInvocationJobs": lambda asked: {
            "invocationJobSummaries": [batch_job(bucket, "InProgress")]
        },
        "bedrock.GetModelInvocationJob": lambda asked: batch_job(bucket, next(states)),
        "bedrock.StopModelInvocationJob": fixed(),
    }
    return stage


def test_batch_jobs_are_stopped_and_waited_for_before_anything_is_emptied() -> None:
    stage = stage_with_batch_job(polls=2)

    left = stage.destroy()

    calls = stage.aws.calls
    assert stage.asked("bedrock.StopModelInvocationJob") == [
        {"jobIdentifier": batch_job(BUCKET, "")["jobArn"]}
    ]
    assert calls.count("bedrock.GetModelInvocationJob") == 3
    last = len(calls) - calls[::-1].index("bedrock.GetModelInvocationJob") - 1
    assert calls.index("stepfunctions.StopExecution") < last < calls.index("s3.DeleteObjects")
    assert not any("batch job" in each for each in left)


def test_a_job_that_takes_its_time_is_said_and_all_else_goes() -> None:
    stage = stage_with_batch_job(polls=JOB_POLLS)

    left = stage.destroy()

    (said,) = [each for each in left if "batch job" in each]
    assert "headrace-01J-1, which is stopping and is billed until it has ended" in said
    assert not stage.bucket_stands


def test_batch_jobs_of_others_and_those_that_ended_are_left_alone() -> None:
    of_another = stage_with_batch_job(polls=0, bucket="someones")
    ended = stage_with_batch_job(polls=0)
    ended.aws.answers["bedrock.StopModelInvocationJob"] = refuse("ConflictException", status=400)
    for stage in (of_another, ended):
        stage.destroy()
        assert not stage.bucket_stands
    assert of_another.asked("bedrock.StopModelInvocationJob") == []


def test_keys_of_added_models_go_with_the_stage() -> None:
    stage = Stage()
    stage.cloudformation.script = list(GONE)
    names = ("headrace/dev/models/tiny", "other/headrace/dev/models/tiny")
    stage.aws.answers["secretsmanager.ListSecrets"] = fixed(
        SecretList=[{"Name": name} for name in names]
    )
    stage.aws.answers["secretsmanager.DeleteSecret"] = fixed()

    stage.destroy()

    assert stage.asked("secretsmanager.DeleteSecret") == [
        {"SecretId": "headrace/dev/models/tiny", "ForceDeleteWithoutRecovery": True}
    ]


def test_what_nobody_may_look_for_is_said_with_the_permissions() -> None:
    stage = Stage()
    stage.cloudformation.script = list(GONE)
    for name in NO_SERVICE_RESOURCES:
        stage.aws.answers[name] = refuse("AccessDeniedException", "not authorized", status=403)

    left = stage.destroy()

    unseen = [each for each in left if "may not look for them" in each]
    assert [each.partition(",")[0] for each in unseen] == [
        "Batch jobs of Bedrock",
        "Jobs of SageMaker",
        "Models and endpoints of SageMaker",
        "Groups of SageMaker's model registry",
        "Keys of added models",
    ]
    assert all("deployer-jobs-policy.json" in each for each in unseen)


def test_what_the_stack_retains_is_removed_after_it_and_the_key_in_thirty_days() -> None:
    stage = Stage()
    stage.cloudformation.script = list(GONE)

    left = stage.destroy()

    assert not stage.bucket_stands
    assert stage.asked("kms.ScheduleKeyDeletion") == [{"KeyId": KEY, "PendingWindowInDays": 30}]
    assert stage.asked("logs.DeleteLogGroup") == [
        {"logGroupName": "API-Gateway-Execution-Logs_abc123/dev"}
    ]
    calls = stage.aws.calls
    assert calls.index("cloudformation.DeleteStack") < calls.index("s3.DeleteBucket")
    assert any(KEY in each and "30 days" in each for each in left)


def test_what_was_written_while_the_stack_went_is_taken_out_and_the_stack_tried_again() -> None:
    stage = Stage(written_meanwhile=[["late"], []])
    stage.cloudformation.script = [
        [
            ("DocumentsBucket", "DELETE_FAILED", "The bucket you tried to delete is not empty"),
            (STACK, "DELETE_FAILED", "The following resource(s) failed to delete: [..]"),
        ],
        [("DocumentsBucket", "DELETE_COMPLETE", ""), (STACK, "DELETE_COMPLETE", "")],
    ]

    stage.destroy()

    assert len(stage.asked("cloudformation.DeleteStack")) == 2
    assert stage.bucket == []


def test_a_stack_that_will_not_go_is_told_with_the_cause_and_the_way_on() -> None:
    stage = Stage()
    failure = [
        ("Role", "DELETE_FAILED", "Cannot delete entity, must detach all policies first."),
        (STACK, "DELETE_FAILED", ""),
    ]
    stage.cloudformation.script = [failure] * 3

    with pytest.raises(
        DeploymentError, match=r"Role: Cannot delete entity.*headrace destroy --stage dev"
    ):
        stage.destroy()

    assert len(stage.asked("cloudformation.DeleteStack")) == 3
    assert stage.asked("s3.DeleteBucket") == [], "it may be looked at before"


def test_a_deletion_that_goes_on_already_is_followed_to_its_end() -> None:
    stage = Stage()
    stage.cloudformation.status = "DELETE_IN_PROGRESS"
    stage.cloudformation.script = list(GONE)

    stage.destroy()

    assert stage.cloudformation.script == []
    assert not stage.bucket_stands


def test_a_deletion_that_ended_before_it_was_followed_is_not_waited_for() -> None:
    stage = Stage()
    stage.cloudformation.status = "DELETE_IN_PROGRESS"
    stage.aws.answers["cloudformation.DeleteStack"] = stage.deleted_meanwhile

    stage.destroy()

    assert stage.waited == []
    assert not stage.bucket_stands


def test_a_deletion_that_ends_without_a_word_is_seen_by_the_stack_that_is_gone() -> None:
    stage = Stage()
    cloud = stage.cloudformation
    cloud.status = "DELETE_IN_PROGRESS"
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        cloud.status = None if len(waited) == 2 else cloud.status

    stage.pause = sleep

    stage.destroy()

    assert len(waited) == 2
    assert not stage.bucket_stands


@pytest.mark.parametrize("code", ["ResourceInUseException", "ResourceConflictException"])
def test_a_mapping_that_is_being_made_is_turned_off_once_it_can_be(code: str) -> None:
    stage = Stage()
    stage.cloudformation.script = list(GONE)
    states = ["Creating", "Enabled", "Enabled", "Disabling", "Disabled"]
    stage.aws.answers["lambda.GetEventSourceMapping"] = lambda asked: {"State": states.pop(0)}
    updates = iter([refuse(code, status=409), fixed(State="Disabling")])
    stage.aws.answers["lambda.UpdateEventSourceMapping"] = lambda asked: next(updates)(asked)

    stage.destroy()

    assert states == []
    assert len(stage.asked("lambda.UpdateEventSourceMapping")) == 2
    calls = stage.aws.calls
    last = len(calls) - calls[::-1].index("lambda.GetEventSourceMapping") - 1
    assert last < calls.index("stepfunctions.ListExecutions")
    assert "not disabled" not in stage.voice.text


def test_a_mapping_that_is_never_off_is_said_and_goes_with_the_stack() -> None:
    stage = Stage(mapping_state="Disabling")
    stage.cloudformation.script = list(GONE)

    stage.destroy()

    assert len(stage.asked("lambda.GetEventSourceMapping")) == MAX_POLLS
    assert f"1 event source mappings are still not disabled: {SOURCE}" in stage.voice.text
    assert not stage.bucket_stands


def test_a_mapping_that_is_gone_needs_no_turning_off() -> None:
    stage = Stage()
    stage.cloudformation.script = list(GONE)
    stage.aws.answers["lambda.GetEventSourceMapping"] = refuse(
        "ResourceNotFoundException", status=404
    )

    stage.destroy()

    assert stage.asked("lambda.UpdateEventSourceMapping") == []


@pytest.mark.parametrize("code", ["SlowDown", "InternalError"])
def test_objects_that_s3_puts_off_are_tried_again_with_growing_waits(code: str) -> None:
    stage = Stage(bucket=["a", "b"])
    stage.cloudformation.script = list(GONE)
    put_off = iter([1, 1, 0])

    def delete(asked: dict[str, Any]) -> dict[str, Any]:
        left = asked["Delete"]["Objects"][-1]
        if not next(put_off):
            return stage.delete_objects(asked)
        gone = asked["Delete"]["Objects"][:-1]
        stage.delete_objects({"Delete": {"Objects": gone}})
        return {"Errors": [{**left, "Code": code, "Message": "Please reduce your rate."}]}

    stage.aws.answers["s3.DeleteObjects"] = delete

    stage.destroy()

    tried = [each["Delete"]["Objects"] for each in stage.asked("s3.DeleteObjects")]
    assert tried[0] == [{"Key": "a", "VersionId": "1"}, {"Key": "b", "VersionId": "1"}]
    assert tried[1] == tried[2] == [{"Key": "b", "VersionId": "1"}]
    assert stage.waited[:2] == [1.0, 2.0]
    assert not stage.bucket_stands


def test_objects_that_s3_puts_off_for_ever_stop_it() -> None:
    stage = Stage()
    stage.aws.answers["s3.DeleteObjects"] = fixed(
        Errors=[{"Key": "a", "VersionId": "1", "Code": "SlowDown"}]
    )

    with pytest.raises(
        DeploymentError, match=r"puts off the removal of 1 objects .*SlowDown.*goes on"
    ):
        stage.destroy()

    assert stage.waited == [2.0**n for n in range(7)]
    assert stage.asked("cloudformation.DeleteStack") == []


def test_a_failure_while_the_stack_goes_says_that_it_goes_on() -> None:
    stage = Stage()
    events = stage.aws.answers["cloudformation.DescribeStackEvents"]

    def expired(asked: dict[str, Any]) -> Mapping[str, Any]:
        if stage.cloudformation.running:
            raise Refusal("ExpiredToken")
        return events(asked)

    stage.aws.answers["cloudformation.DescribeStackEvents"] = expired

    with pytest.raises(ClientError, match="ExpiredToken"):
        stage.destroy()

    assert "CloudFormation goes on deleting headrace-dev" in stage.voice.text
    assert f"headrace destroy --stage dev --region {REGION} --profile ops" in stage.voice.text


@pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"])
def test_a_stack_that_is_being_changed_is_left_alone_with_all_it_holds(status: str) -> None:
    stage = Stage()
    stage.cloudformation.status = status

    with pytest.raises(
        DeploymentError, match=f"{status}; it cannot be deleted until that has ended"
    ):
        stage.destroy()

    assert stage.bucket == ["a"]
    assert stage.asked("lambda.UpdateEventSourceMapping") == []


def test_what_is_of_the_account_is_left_and_said() -> None:
    stage = Stage()
    stage.cloudformation.script = [
        [("ApiLogsWriter", "DELETE_SKIPPED", "")],
        [(STACK, "DELETE_COMPLETE", "")],
    ]

    left = stage.destroy()

    assert any("headrace-dev-ApiLogsWriter" in each and "may use it" in each for each in left)


def test_termination_protection_is_taken_off() -> None:
    stage = Stage()
    stage.cloudformation.protected = True
    stage.cloudformation.script = list(GONE)

    stage.destroy()

    (asked,) = stage.asked("cloudformation.UpdateTerminationProtection")
    assert asked["EnableTerminationProtection"] is False


def test_an_object_that_is_locked_is_named() -> None:
    stage = Stage()
    stage.aws.answers["s3.DeleteObjects"] = fixed(
        Errors=[{"Key": "a", "Code": "AccessDenied", "Message": "Object is locked"}]
    )

    with pytest.raises(DeploymentError, match=f"a in {BUCKET} cannot be removed: Object is locked"):
        stage.destroy()

    assert stage.asked("cloudformation.DeleteStack") == []
