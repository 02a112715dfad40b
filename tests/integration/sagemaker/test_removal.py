"""A removed stage leaves nothing in SageMaker that runs, and no model.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopTrainingJob.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteModelPackageGroup.html
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.deployment.account import Account
from infra.deployment.removal.service_resources import (
    ServiceInventory,
    delete_service_resources,
    find_service_resources,
    stop_service_jobs,
)
from tests.integration.sagemaker.conftest import BUCKET, Bench, eventually
from tests.integration.sagemaker.test_registry import registered
from tests.integration.sagemaker.test_training import request
from tests.unit.infra.deployment.voices import Heard

OTHERS = "headrace-device-a"
"""A name of the stage `device`, which begins as those of `dev` do."""


def test_should_stop_and_remove_what_the_stage_alone_has(bench: Bench) -> None:
    runs = request(bench, "headrace-dev-vae", steps="900", seconds="0.1")
    bench.sagemaker.create_training_job(**runs)
    bench.sagemaker.create_training_job(**request(bench, OTHERS))
    eventually(lambda: bench.there(f"s3://{BUCKET}/checkpoints/headrace-dev-vae/at"))
    for group in ("headrace-dev-vae", "headrace-dev-gan", OTHERS):
        bench.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    registered(bench, "headrace-dev-vae")
    bench.config("headrace-dev-config", bench.model("headrace-dev-model"))
    bench.model(OTHERS)
    account = Account("0" * 12, "us-east-1", "aws", "someone", client_of(bench))
    with pytest.raises(ClientError, match="ConflictException"):
        bench.sagemaker.delete_model_package_group(ModelPackageGroupName="headrace-dev-vae")

    found = find(account)
    assert [(each.kind, each.name) for each in found.jobs] == [("training job", "headrace-dev-vae")]
    assert [(each.name, len(each.versions)) for each in found.groups] == [
        ("headrace-dev-gan", 0),
        ("headrace-dev-vae", 1),
    ]
    assert {each.name for each in found.hosted} == {"headrace-dev-config", "headrace-dev-model"}
    assert found.unseen == []
    assert not stop_service_jobs(account, "dev", found.jobs, Heard(), lambda _: time.sleep(0.05))
    stopped = bench.sagemaker.describe_training_job(TrainingJobName="headrace-dev-vae")
    assert stopped["TrainingJobStatus"] == "Stopped"
    delete_service_resources(account, found, Heard())

    assert find(account).is_empty
    delete_service_resources(account, found, Heard())
    groups = bench.sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]
    assert [each["ModelPackageGroupName"] for each in groups] == [OTHERS]
    assert [each["ModelName"] for each in bench.sagemaker.list_models()["Models"]] == [OTHERS]


class NoSecrets:
    """Secrets Manager with nothing in it, which the bench does not serve."""

    def get_paginator(self, operation: str) -> NoSecrets:
        assert operation == "list_secrets"
        return self

    def paginate(self, **_: object) -> list[dict[str, list[object]]]:
        return [{"SecretList": []}]


def client_of(bench: Bench) -> Callable[[str], Any]:
    return lambda service: NoSecrets() if service == "secretsmanager" else bench.client(service)


def find(account: Account) -> ServiceInventory:
    return find_service_resources(account, "dev", [])
