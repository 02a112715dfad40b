"""Models, configurations and endpoints in boto3's terms.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModel.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpoint.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateEndpoint.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.sagemaker.conftest import BUCKET, ROLE, Bench, package

ACCOUNT = "arn:aws:sagemaker:us-east-1:000000000000"


def refused(call: Callable[..., Any], **params: Any) -> dict[str, str]:
    with pytest.raises(ClientError) as raised:
        call(**params)
    response: Any = raised.value.response
    error: dict[str, str] = response["Error"]
    return error


def test_what_was_made_should_be_described_and_listed_as_it_was(bench: Bench) -> None:
    made = bench.endpoint("Search", bench.config("small", bench.model("MiniLM", GREETING="hi")))
    model = bench.sagemaker.describe_model(ModelName="MiniLM")
    assert model["ModelArn"] == f"{ACCOUNT}:model/minilm"
    assert model["PrimaryContainer"]["Environment"] == {"GREETING": "hi"}
    config = bench.sagemaker.describe_endpoint_config(EndpointConfigName="small")
    assert config["ProductionVariants"][0]["InstanceType"] == "ml.inf2.xlarge"
    assert made["EndpointArn"] == f"{ACCOUNT}:endpoint/search"
    assert (made["EndpointStatus"], made["EndpointConfigName"]) == ("InService", "small")
    (variant,) = made["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (1, 1)
    assert variant["DeployedImages"][0]["SpecifiedImage"] == "image"
    assert bench.roles == [ROLE]
    for operation, member, name in (
        ("list_models", "Models", "ModelName"),
        ("list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"),
        ("list_endpoints", "Endpoints", "EndpointName"),
    ):
        (listed,) = getattr(bench.sagemaker, operation)()[member]
        assert listed[name] in ("MiniLM", "small", "Search")


def test_lists_should_come_in_pages_in_the_order_asked_for(bench: Bench) -> None:
    for name in ("b", "a", "c"):
        bench.model(name)
    listed = bench.sagemaker.list_models(SortBy="Name", SortOrder="Ascending", MaxResults=2)
    assert [each["ModelName"] for each in listed["Models"]] == ["a", "b"]
    rest = bench.sagemaker.list_models(
        SortBy="Name", SortOrder="Ascending", MaxResults=2, NextToken=listed["NextToken"]
    )
    assert [each["ModelName"] for each in rest["Models"]] == ["c"]
    assert "NextToken" not in rest
    found = bench.sagemaker.list_models(NameContains="b")["Models"]
    assert [each["ModelName"] for each in found] == ["b"]


def test_an_endpoint_should_outlive_its_configuration_and_model(bench: Bench) -> None:
    bench.endpoint("e", bench.config("c", bench.model()))
    bench.sagemaker.delete_endpoint_config(EndpointConfigName="c")
    bench.sagemaker.delete_model(ModelName="model")
    assert bench.ask("e")["said"] == "hello"
    assert refused(bench.sagemaker.describe_model, ModelName="model") == {
        "Code": "ValidationException",
        "Message": f'Could not find model "{ACCOUNT}:model/model".',
    }


def test_an_update_should_serve_the_old_until_the_new_is_there(bench: Bench) -> None:
    bench.endpoint("e", bench.config("one", bench.model("first")))
    before = bench.ask("e")
    bench.config("two", bench.model("second", GREETING="bye"))
    bench.sagemaker.update_endpoint(EndpointName="e", EndpointConfigName="two")
    assert bench.ask("e")["said"] in ("hello", "bye")
    assert bench.settled("e")["EndpointConfigName"] == "two"
    after = bench.ask("e")
    assert after["said"] == "bye"
    assert after["pid"] != before["pid"]


def test_an_update_that_fails_should_leave_the_old_in_service_and_say_why(bench: Bench) -> None:
    bench.endpoint("e", bench.config("one", bench.model("first")))
    bench.config("two", bench.model("second", package(broken="x")))
    bench.sagemaker.update_endpoint(EndpointName="e", EndpointConfigName="two")
    after = bench.settled("e")
    assert (after["EndpointStatus"], after["EndpointConfigName"]) == ("InService", "one")
    assert "exit code 1" in after["FailureReason"]
    assert bench.ask("e")["said"] == "hello"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (package(broken="x"), "exit code 1"),
        (b"no tar", "cannot be unpacked"),
        (package(**{"code/inference.py": "import nothing_of_that_name"}), "exit code 1"),
        (package(**{"code/inference.py": "x = 1"}), "exit code 1"),
    ],
    ids=["model fails", "no package", "import fails", "no handler"],
)
def test_an_endpoint_that_does_not_come_up_should_fail_with_its_reason(
    body: bytes, said: str, bench: Bench
) -> None:
    made = bench.endpoint("e", bench.config("c", bench.model(body=body)))
    assert made["EndpointStatus"] == "Failed"
    assert said in made["FailureReason"]
    assert "/aws/sagemaker/Endpoints/e" in made["FailureReason"]
    bench.sagemaker.delete_endpoint(EndpointName="e")
    assert bench.sagemaker.list_endpoints()["Endpoints"] == []


def test_a_package_that_is_not_there_should_fail_with_its_address(bench: Bench) -> None:
    bench.config("c", bench.model())
    bench.s3.delete_object(Bucket=BUCKET, Key="model.tar.gz")
    made = bench.endpoint("e", "c")
    assert f"s3://{BUCKET}/model.tar.gz" in made["FailureReason"]


def test_names_that_are_taken_or_unknown_should_be_refused(bench: Bench) -> None:
    bench.endpoint("e", bench.config("c", bench.model()))
    sagemaker = bench.sagemaker
    again = refused(sagemaker.create_endpoint, EndpointName="e", EndpointConfigName="c")
    assert again["Message"] == f'Cannot create already existing endpoint "{ACCOUNT}:endpoint/e".'
    for call, params, what in (
        (sagemaker.describe_endpoint, {"EndpointName": "x"}, "endpoint"),
        (sagemaker.delete_endpoint, {"EndpointName": "x"}, "endpoint"),
        (sagemaker.create_endpoint, {"EndpointName": "y", "EndpointConfigName": "x"}, "endpoint c"),
    ):
        found = refused(call, **params)
        assert found["Code"] == "ValidationException"
        assert found["Message"].startswith(f"Could not find {what}")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}}, "VpcConfig"),
        ({"EnableNetworkIsolation": True}, "EnableNetworkIsolation"),
        ({"PrimaryContainer": {"Image": "i"}}, "ModelDataUrl"),
        ({"PrimaryContainer": {"ModelDataUrl": "s3://b/m.tar.gz"}}, "Image"),
        (
            {
                "PrimaryContainer": {
                    "Image": "i",
                    "ModelDataUrl": "s3://b/m.tar.gz",
                    "Mode": "MultiModel",
                }
            },
            "Mode",
        ),
    ],
)
def test_a_model_that_could_not_run_here_should_be_refused_by_name(
    more: dict[str, Any], said: str, bench: Bench
) -> None:
    plain = {"Image": "i", "ModelDataUrl": "s3://b/m.tar.gz"}
    params = {"ModelName": "m", "ExecutionRoleArn": ROLE, "PrimaryContainer": plain, **more}
    assert said in refused(bench.sagemaker.create_model, **params)["Message"]


def test_a_configuration_that_could_not_run_here_should_be_refused_by_name(bench: Bench) -> None:
    name = bench.model()
    variant = {"VariantName": "v", "ModelName": name}
    instances = {**variant, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    second = {**instances, "VariantName": "w"}
    limits = {"MemorySizeInMB": 1024, "MaxConcurrency": 1}
    serverless = {"VariantName": "s", "ModelName": name, "ServerlessConfig": limits}
    plain_output = {"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://b/out"}}}
    sns = {"SuccessTopic": "arn:aws:sns:us-east-1:000000000000:done"}
    output = {"S3OutputPath": "s3://b/out", "NotificationConfig": sns}
    for variants, more, said in (
        ([variant], {}, "either an InstanceType or a ServerlessConfig"),
        ([instances, instances], {}, "must be unique"),
        ([instances, serverless], {}, "A serverless endpoint has one variant, not 2"),
        ([{**instances, "InitialVariantWeight": 0}], {}, "InitialVariantWeight above 0"),
        ([instances, second], plain_output, "one variant an asynchronous endpoint, not 2"),
        ([instances], {"ShadowProductionVariants": [second]}, "ShadowProductionVariants"),
        ([instances], {"AsyncInferenceConfig": {"OutputConfig": output}}, "NotificationConfig"),
        ([{**instances, "ModelName": "x"}], {}, "Could not find model"),
    ):
        found = refused(
            bench.sagemaker.create_endpoint_config,
            EndpointConfigName="c",
            ProductionVariants=variants,
            **more,
        )
        assert said in found["Message"]
    assert bench.sagemaker.list_endpoint_configs()["EndpointConfigs"] == []


def test_what_a_container_prints_should_be_in_its_log_group(bench: Bench) -> None:
    bench.endpoint("e", bench.config("c", bench.model(GREETING="morning")))
    bench.ask("e")
    bench.service.stop()
    lines = bench.written.lines["/aws/sagemaker/Endpoints/e"]
    assert any("in place of ml.inf2.xlarge" in line for line in lines)
    assert "loaded morning" in lines
    assert any('"POST /invocations HTTP/1.1" 200' in line for line in lines)
