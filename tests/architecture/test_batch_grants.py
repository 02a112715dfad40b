"""The role of Bedrock's batch jobs may invoke every inference profile that a job may name.

https://docs.aws.amazon.com/bedrock/latest/userguide/batch-iam-sr.html
"""

from __future__ import annotations

import json

import pytest

from chalicelib.generation.model_file import served_models
from chalicelib.generation.models import BedrockBackend
from infra.cloudformation.intrinsics import TemplateScope
from localcloud.iam.actions import required_permissions
from localcloud.iam.policy import AccessRequest, PolicyDocument, evaluate, parse_policy
from localcloud.iam.resources import AccountResources
from localcloud.template.resources.iam import role_policies
from tests.architecture.templates import plain

ACCOUNT = "1" * 12


def policies_of_batch_jobs(region: str) -> list[PolicyDocument]:
    template = plain("prod")
    place = {"AWS::Region": region, "AWS::AccountId": ACCOUNT, "AWS::Partition": "aws"}
    scope = TemplateScope(template, {"Stage": "prod"}, place)
    scope.add_resource("DocumentsBucket", "documents", {"Arn": "arn:aws:s3:::documents"})
    role = scope.resolve(template["Resources"]["BatchModelsRole"])
    texts = role_policies(role["Properties"], "BatchModelsRole").values()
    return [parse_policy(json.loads(text), "BatchModelsRole") for text in texts]


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "ap-northeast-1"])
def test_a_job_by_an_inference_profile_should_invoke_the_profile_and_its_models(
    region: str,
) -> None:
    policies = policies_of_batch_jobs(region)
    profiles = set()
    for model in served_models().models.values():
        backend = model.backend
        if model.batch is None or not isinstance(backend, BedrockBackend):
            continue
        for reach in ("geography", "global"):
            route = backend.route(region, reach)
            if route is None or route.model_id == backend.model_id:
                continue
            profiles.add(route.model_id)
            params = {"modelId": route.model_id}
            resources = AccountResources(region, ACCOUNT)
            for needed in required_permissions("bedrock-runtime", "InvokeModel", params, resources):
                request = AccessRequest(needed.action, needed.resource, (), needed.context, ACCOUNT)
                assert evaluate(request, policies, []).allowed, needed
    assert len(profiles) >= 3
