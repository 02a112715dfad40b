"""What training jobs may do: pull the images that they are asked for, and tell how they go."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.cloudformation.errors import TemplateError
from infra.cloudformation.intrinsics import TemplateScope
from localcloud.iam.conditions import wildcard
from localcloud.template.resources.iam import role_policies
from models.training.targets import targets
from tests.architecture.templates import plain

PLACE = {"AWS::Region": "eu-west-1", "AWS::AccountId": "1" * 12, "AWS::Partition": "aws"}


def granted(repository: str) -> dict[str, dict[str, Any]]:
    """Return the statements of the role of jobs by Sid, on a stage with that parameter."""
    template = plain("prod")
    given = {"Stage": "prod", "Training": "on", "TrainingImageRepository": repository}
    scope = TemplateScope(template, given, PLACE)
    scope.add_resource("DocumentsBucket", "documents", {"Arn": "arn:aws:s3:::documents"})
    role = scope.resolve(template["Resources"]["TrainingRole"])
    text = role_policies(role["Properties"], "TrainingRole")["Train"]
    return {each["Sid"]: each for each in json.loads(text)["Statement"]}


def may_pull(repository: str, image: str) -> bool:
    """Tell whether a job may pull `image`, where the stage has that parameter."""
    registry, _, rest = image.partition("/")
    account, region = registry.split(".")[0], registry.split(".")[3]
    arn = f"arn:aws:ecr:{region}:{account}:repository/{rest.rpartition(':')[0]}"
    return any(
        wildcard(each).fullmatch(arn) for each in granted(repository)["PullImage"]["Resource"]
    )


def own(name: str, account: str = "1" * 12) -> str:
    return f"{account}.dkr.ecr.eu-west-1.amazonaws.com/{name}:1"


def test_jobs_should_pull_the_images_that_are_pinned_whatever_the_stage_names() -> None:
    pinned = [each.image.uri("eu-west-1") for each in targets().values() if each.image]
    assert len(pinned) == 3
    assert all(may_pull(repository, image) for image in pinned for repository in ("", "team/own"))


def test_jobs_should_pull_from_the_repository_of_the_stage_alone() -> None:
    assert may_pull("team/own", own("team/own"))
    assert not may_pull("", own("team/own"))
    assert not may_pull("team/own", own("team/other"))
    assert not may_pull("team/own", own("team/own", "2" * 12))


@pytest.mark.parametrize("repository", ["*", "team/*", "Team", "team/", f"{'1' * 12}:own"])
def test_a_name_that_is_no_repository_should_be_refused(repository: str) -> None:
    with pytest.raises(TemplateError, match="TrainingImageRepository must match pattern"):
        granted(repository)


def test_jobs_should_write_metrics_in_the_namespaces_of_jobs_alone() -> None:
    statement = granted("")["WriteMetricsOfJobs"]
    assert statement["Action"] == "cloudwatch:PutMetricData"
    assert statement["Condition"] == {
        "StringEquals": {
            "cloudwatch:namespace": [
                f"/aws/sagemaker/{kind}Jobs" for kind in ("Training", "Processing", "Transform")
            ]
        }
    }


def test_the_machine_of_jobs_should_reach_those_of_its_stage_alone() -> None:
    template = plain("prod")
    scope = TemplateScope(template, {"Stage": "prod", "Training": "on"}, PLACE)
    for name in ("MachineLogs", "TrainingRole"):
        scope.add_resource(name, name, {"Arn": f"arn:aws:{name}"})
    role = scope.resolve(template["Resources"]["ModelJobMachineRole"])
    texts = role_policies(role["Properties"], "ModelJobMachineRole").values()
    statements = [each for text in texts for each in json.loads(text)["Statement"]]
    jobs = {each["Sid"]: each["Resource"] for each in statements if "Job" in str(each["Action"])}
    assert set(jobs) == {"Tune", "Transform", "Process"}
    for resource in jobs.values():
        assert resource.startswith("arn:aws:sagemaker:eu-west-1:111111111111:")
        assert resource.endswith("-job/headrace-prod-*")
