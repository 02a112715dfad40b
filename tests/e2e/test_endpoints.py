"""A model of one's own behind endpoints of a whole local cloud: MiniLM, roles, sleep and kills."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import psutil
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from chalicelib.adapters.models.endpoint import EndpointCaller
from chalicelib.adapters.models.endpoint_client import (
    AsyncInvocations,
    AsyncWait,
    RealTimeInvocations,
)
from chalicelib.contracts.generations import EmbedCall, EmbedOutput
from chalicelib.errors import InvalidInput, Transient
from chalicelib.generation.dependencies import CallContext
from chalicelib.generation.model_file import parse_served_models
from chalicelib.generation.models import ServedModel
from chalicelib.inference.embedder import Embedder
from models.serving.pack import pack
from tests.cloud import PROJECT, CloudProcess
from tests.e2e.bedrock_wire import BedrockWire
from tests.e2e.driving import until

MINILM = "minilm-l6-v2-int8"
HANDLER = PROJECT / "models" / "serving" / "handlers" / "text_embeddings.py"
TEXTS = ("The pump is sealed.", "Wie spät ist es?", "水泵", "a" * 40)
STATEMENT = {
    "Effect": "Allow",
    "Principal": {"Service": "sagemaker.amazonaws.com"},
    "Action": "sts:AssumeRole",
}
TRUST = {"Version": "2012-10-17", "Statement": [STATEMENT]}


def statement(*actions: str, on: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": on}


class Deployer:
    """Makes endpoints in a cloud, in a bucket and by names that no other deployer has."""

    def __init__(self, cloud: CloudProcess, folder: Path, models: Path) -> None:
        self.cloud = cloud
        self._suffix = secrets.token_hex(3)
        self.bucket = self.own("endpoint-models")
        self.s3.create_bucket(Bucket=self.bucket)
        pack(models / MINILM, HANDLER, folder / "model.tar.gz")
        self.s3.upload_file(str(folder / "model.tar.gz"), self.bucket, "minilm/model.tar.gz")

    @property
    def s3(self) -> Any:
        return self.cloud.client("s3")

    @property
    def sagemaker(self) -> Any:
        return self.cloud.client("sagemaker")

    def own(self, name: str) -> str:
        """Return the name by which this deployer makes what the test calls `name`."""
        return f"{name}-{self._suffix}"

    def role(self, name: str, *statements: Mapping[str, Any]) -> str:
        iam, name = self.cloud.client("iam"), self.own(name)
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(document))
        return str(made["Role"]["Arn"])

    def serving_role(self) -> str:
        return self.role(
            "serving",
            statement("s3:GetObject", on=f"arn:aws:s3:::{self.bucket}/*"),
            statement("s3:PutObject", on=f"arn:aws:s3:::{self.bucket}/answers/*"),
        )

    def endpoint(self, name: str, role: str, *, asynchronous: bool = False) -> dict[str, Any]:
        """Make a model, a configuration and an endpoint of one name, and wait for the last."""
        name = self.own(name)
        self.sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=role,
            PrimaryContainer={
                "Image": "763104351884.dkr.ecr.us-east-1.amazonaws.com/any:tag",
                "ModelDataUrl": f"s3://{self.bucket}/minilm/model.tar.gz",
            },
        )
        output = {
            "S3OutputPath": f"s3://{self.bucket}/answers/",
            "S3FailurePath": f"s3://{self.bucket}/answers/failed/",
        }
        later = {"AsyncInferenceConfig": {"OutputConfig": output}} if asynchronous else {}
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[
                {
                    "VariantName": "main",
                    "ModelName": name,
                    "InstanceType": "ml.inf2.xlarge",
                    "InitialInstanceCount": 1,
                }
            ],
            **later,
        )
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        until(lambda: self._described(name)["EndpointStatus"] != "Creating", "it is still created")
        return self._described(name)

    def _described(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.sagemaker.describe_endpoint(EndpointName=name)
        return found

    def scale_to_none(self, name: str) -> None:
        scaling = self.cloud.client("application-autoscaling")
        of = {
            "ServiceNamespace": "sagemaker",
            "ResourceId": f"endpoint/{self.own(name)}/variant/main",
            "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        }
        scaling.register_scalable_target(**of, MinCapacity=0, MaxCapacity=1)
        scaling.put_scaling_policy(
            **of,
            PolicyName="backlog",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={"TargetValue": 5, "ScaleInCooldown": 1},
        )
        scaling.put_scaling_policy(
            **of,
            PolicyName="wake",
            PolicyType="StepScaling",
            StepScalingPolicyConfiguration={
                "AdjustmentType": "ChangeInCapacity",
                "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
            },
        )

    def sleeps(self, name: str) -> bool:
        (variant,) = self._described(self.own(name))["ProductionVariants"]
        return bool(variant["CurrentInstanceCount"] == 0)

    def client_as(self, role: str, service: str) -> Any:
        signed = self.cloud.client("sts").assume_role(RoleArn=role, RoleSessionName="test")
        given = signed["Credentials"]
        return boto3.client(  # type: ignore[call-overload]  # its stubs know only literal names
            service,
            region_name="us-east-1",
            endpoint_url=self.cloud.endpoint_url,
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
            config=Config(retries={"total_max_attempts": 1}),
        )

    def backend(self, seconds: float = 20.0) -> EndpointCaller:
        runtime = self.cloud.client("sagemaker-runtime")
        return EndpointCaller(
            RealTimeInvocations(lambda wait: runtime, round(seconds) or 1),
            AsyncInvocations(runtime, self.s3, self.bucket, AsyncWait(seconds=seconds)),
        )


def served(endpoint: str, schema: str, *, asynchronous: bool) -> ServedModel:
    """Return a model of a file of one's own, as `models/served.json` would have it."""
    backend = {
        "kind": "endpoint",
        "endpoint": endpoint,
        "schema": schema,
        "asynchronous": asynchronous,
    }
    written = {
        "facts": {"date": "2026-11-26", "sources": ["a test"]},
        "areas": {},
        "models": [
            {
                "name": "own-minilm",
                "title": "MiniLM of our own",
                "provider": "us",
                "task": "embedding",
                "tier": 1,
                "licence": "Apache-2.0",
                "backend": backend,
                "limits": {"context_tokens": 256, "dimensions": [384]},
                "inputs": ["text"],
                "outputs": ["embedding"],
                "abilities": [],
                "lifecycle": {"status": "active"},
            }
        ],
    }
    return parse_served_models(written).model("own-minilm")


@pytest.fixture(scope="module")
def hosting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudProcess]:
    """A cloud of the source tree: nothing here runs a function."""
    cloud = CloudProcess(tmp_path_factory.mktemp("endpoints") / "data").start()
    yield cloud
    cloud.stop()


@pytest.fixture
def deployer(hosting: CloudProcess, tmp_path: Path, models_pulled: Path) -> Deployer:
    return Deployer(hosting, tmp_path, models_pulled)


def ask(deployer: Deployer, model: ServedModel, *texts: str, seconds: float = 20.0) -> Any:
    route = model.backend.route("us-east-1")
    assert route is not None
    call = EmbedCall(texts=texts)
    return deployer.backend(seconds).generate(model, route, call, CallContext("acme", "request-1"))


def containers(cloud: CloudProcess) -> list[psutil.Process]:
    children = psutil.Process(cloud.pid).children(recursive=True)
    return [each for each in children if "serving" in each.cmdline()]


def test_minilm_should_embed_behind_an_endpoint_as_it_does_in_a_function(
    deployer: Deployer, models_pulled: Path
) -> None:
    made = deployer.endpoint("minilm", deployer.serving_role())
    assert made["EndpointStatus"] == "InService"
    wanted, tokens = Embedder.open(models_pulled, MINILM).embed_counted(TEXTS)
    for schema in ("openai-embedding", "tei-embedding"):
        model = served(deployer.own("minilm"), schema, asynchronous=False)
        reply = ask(deployer, model, *TEXTS)
        assert isinstance(reply.output, EmbedOutput)
        np.testing.assert_allclose(np.array(reply.output.vectors), wanted, atol=1e-6)
        if schema == "openai-embedding":
            assert reply.usage.tokens_in == tokens
    with pytest.raises(InvalidInput, match=r"Text 0 has \d+ tokens; the model takes 256"):
        ask(deployer, model, "word " * 300)


def test_a_call_should_wake_an_endpoint_that_sleeps_and_be_found_by_who_comes_again(
    deployer: Deployer,
) -> None:
    before, wire = containers(deployer.cloud), BedrockWire(deployer.cloud)
    deployer.endpoint("later", deployer.serving_role(), asynchronous=True)
    model = served(deployer.own("later"), "openai-embedding", asynchronous=True)
    deployer.scale_to_none("later")
    until(lambda: deployer.sleeps("later"), "it does not sleep")
    assert set(containers(deployer.cloud)) <= set(before)
    with pytest.raises(Transient) as raised:
        ask(deployer, model, *TEXTS, seconds=0)
    assert raised.value.retry_after
    reply = ask(deployer, model, *TEXTS)
    assert len(reply.output.vectors) == len(TEXTS)
    assert [call["operation"] for call in wire.calls()] == ["InvokeEndpointAsync"]
    kept = deployer.s3.list_objects_v2(Bucket=deployer.bucket)["Contents"]
    assert [each["Key"] for each in kept] == ["minilm/model.tar.gz"]


def test_roles_should_do_what_they_may_and_no_more(deployer: Deployer) -> None:
    endpoint = f"arn:aws:sagemaker:us-east-1:000000000000:endpoint/{deployer.own('minilm')}"
    deployer.endpoint("minilm", deployer.serving_role())
    may = deployer.role("asker", statement("sagemaker:InvokeEndpoint", on=endpoint))
    may_not = deployer.role("other", statement("sagemaker:InvokeEndpoint", on=f"{endpoint}-2"))
    body = json.dumps({"inputs": ["a pump"]}).encode()
    name = deployer.own("minilm")
    asked = {"EndpointName": name, "Body": body, "ContentType": "application/json"}
    answered = deployer.client_as(may, "sagemaker-runtime").invoke_endpoint(**asked)
    assert len(json.loads(answered["Body"].read())[0]) == 384
    for call, action in (
        (deployer.client_as(may_not, "sagemaker-runtime").invoke_endpoint, "InvokeEndpoint"),
        (
            deployer.client_as(may, "sagemaker-runtime").invoke_endpoint_with_response_stream,
            "InvokeEndpointWithResponseStream",
        ),
    ):
        with pytest.raises(ClientError, match=f"sagemaker:{action} on resource: {endpoint}"):
            call(**asked)
    blind = deployer.role("blind", statement("s3:GetObject", on="arn:aws:s3:::other/*"))
    made = deployer.endpoint("blind", blind)
    assert made["EndpointStatus"] == "Failed"
    assert "s3:GetObject" in made["FailureReason"]
    trust = {**TRUST, "Statement": [{**STATEMENT, "Principal": {"Service": "ecs.amazonaws.com"}}]}
    untrusting = deployer.cloud.client("iam").create_role(
        RoleName=deployer.own("untrusting"), AssumeRolePolicyDocument=json.dumps(trust)
    )
    with pytest.raises(ClientError, match="Could not assume role"):
        deployer.endpoint("untrusted", untrusting["Role"]["Arn"])


@pytest.mark.timeout(300)
def test_the_cloud_killed_should_lose_no_endpoint_and_nothing_that_was_queued(
    deployer: Deployer, until_there: Callable[[Deployer, str], Any]
) -> None:
    deployer.endpoint("later", deployer.serving_role(), asynchronous=True)
    runtime = deployer.cloud.client("sagemaker-runtime")
    places = []
    for number in range(12):
        key = f"calls/{number}"
        body = json.dumps({"input": [f"pump {number} " * 60] * 4}).encode()
        deployer.s3.put_object(Bucket=deployer.bucket, Key=key, Body=body)
        told = runtime.invoke_endpoint_async(
            EndpointName=deployer.own("later"), InputLocation=f"s3://{deployer.bucket}/{key}"
        )
        places.append(told["OutputLocation"])
    before = containers(deployer.cloud)
    deployer.cloud.kill()
    assert psutil.wait_procs(before, timeout=10)[1] == [], "a container outlives its cloud"
    deployer.cloud.start()
    for place in places:
        assert len(until_there(deployer, place)["data"]) == 4
    listed = deployer.s3.list_objects_v2(Bucket=deployer.bucket, Prefix="answers/")
    assert listed["KeyCount"] == len(places), "each is answered at one place, and none failed"


@pytest.fixture
def until_there() -> Callable[[Deployer, str], Any]:
    def wait(deployer: Deployer, address: str) -> Any:
        key = address.removeprefix(f"s3://{deployer.bucket}/")
        found: list[bytes] = []

        def look() -> bool:
            try:
                found.append(deployer.s3.get_object(Bucket=deployer.bucket, Key=key)["Body"].read())
            except ClientError:
                return False
            return True

        until(look, f"no answer came to {key}")
        return json.loads(found[0])

    return wait
