"""The buckets beside the stage's own that `run_schedule` reaches: those that are named."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.cloudformation.errors import TemplateError
from infra.cloudformation.intrinsics import TemplateScope
from tests.architecture.templates import plain

PLACE = {"AWS::Region": "eu-west-1", "AWS::AccountId": "1" * 12, "AWS::Partition": "aws"}


def scope_of(buckets: str) -> tuple[TemplateScope, dict[str, Any]]:
    template = plain("prod")
    scope = TemplateScope(template, {"Stage": "prod", "ScheduleBuckets": buckets}, PLACE)
    scope.add_resource("RunScheduleRole", "role", {})
    return scope, template["Resources"]["RunScheduleUsesBuckets"]


def test_each_named_bucket_should_be_granted_and_no_other() -> None:
    scope, resource = scope_of("files, more.files")
    assert scope.condition_holds(resource["Condition"])
    policy = scope.resolve(resource["Properties"])["PolicyDocument"]
    granted = {each["Sid"]: each["Resource"] for each in policy["Statement"]}
    assert granted == {
        "UseGrantedObjects": ["arn:aws:s3:::files/*", "arn:aws:s3:::more.files/*"],
        "ListGrantedBuckets": ["arn:aws:s3:::files", "arn:aws:s3:::more.files"],
    }
    assert "*" not in json.dumps(policy["Statement"][1])


def test_a_stage_that_names_none_should_grant_none() -> None:
    scope, resource = scope_of("")
    assert not scope.condition_holds(resource["Condition"])


@pytest.mark.parametrize("buckets", ["*", "files/*", "files,*", "Files", "s3://files"])
def test_what_is_no_name_of_a_bucket_should_be_refused(buckets: str) -> None:
    with pytest.raises(TemplateError, match="must be names of buckets"):
        scope_of(buckets)
