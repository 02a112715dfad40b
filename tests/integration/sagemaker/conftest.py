"""SageMaker behind the real front door with real containers, and S3 beside it."""

from __future__ import annotations

import io
import json
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from localcloud.frontdoor.application import Backends, FrontDoor
from localcloud.frontdoor.http_server import HttpServer
from localcloud.s3.service import S3Service
from localcloud.sagemaker.jobs.program import ProgramSettings
from localcloud.sagemaker.service import SageMakerService, SageMakerSettings
from localcloud.service import CloudContext
from tests import clients

BUCKET = "models"
ROLE = "arn:aws:iam::000000000000:role/serving"
HANDLER = """
import os, time

def model_fn(model_dir):
    if os.path.exists(os.path.join(model_dir, "broken")):
        raise RuntimeError("the weights are broken")
    print("loaded", os.environ.get("GREETING", ""), flush=True)
    return os.environ.get("GREETING", "hello")

def predict_fn(data, model):
    if data.get("crash"):
        os._exit(3)
    if data.get("crash_once") and not os.path.exists(data["crash_once"]):
        open(data["crash_once"], "w").close()
        os._exit(3)
    time.sleep(data.get("seconds", 0))
    if data.get("refuse"):
        raise ValueError("too long")
    if "stream" in data:
        return iter(data["stream"])
    return {"said": model, "pid": os.getpid(), "data": data}
"""
"""A model that does what it is told."""


def nobody(environ: Any, start_response: Any) -> list[bytes]:
    start_response("404 Not Found", [])
    return []


def package(**files: str) -> bytes:
    """Return a model package with the handler, or another, and further files."""
    out = io.BytesIO()
    entries = {"code/inference.py": HANDLER, **files}
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, text in entries.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


def eventually(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Return the first true value of `condition`; fail after `seconds`.

    It looks ever more seldom, as each look at a service is work for the one that is looked at.
    """
    deadline, rest = time.monotonic() + seconds, 0.02
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(rest)
        rest = min(1.5 * rest, 0.25)
    return pytest.fail("it did not come true in time")


class Written:
    """CloudWatch and its logs, as far as endpoints write to them."""

    def __init__(self) -> None:
        self.lines: dict[str, list[str]] = {}
        self.metrics: list[Mapping[str, Any]] = []
        self.alarms: dict[str, str] = {}
        self.exceptions = self
        self.ResourceAlreadyExistsException = FileExistsError

    def create_log_group(self, **group: str) -> None:
        self.lines.setdefault(group["logGroupName"], [])

    def create_log_stream(self, **stream: str) -> None:
        assert stream["logStreamName"]

    def put_log_events(self, **given: Any) -> None:
        self.lines[given["logGroupName"]] += [each["message"] for each in given["logEvents"]]

    def describe_alarms(self, AlarmNames: list[str]) -> dict[str, Any]:  # noqa: N803 - boto3's
        found = {name: self.alarms[name] for name in AlarmNames if name in self.alarms}
        alarms = [{"AlarmName": name, "StateValue": state} for name, state in found.items()]
        return {"MetricAlarms": alarms, "CompositeAlarms": []}

    def put_metric_data(self, **given: Any) -> None:
        assert given["Namespace"] == "AWS/SageMaker"
        self.metrics += given["MetricData"]


@dataclass
class Bench:
    """A running SageMaker with S3, and boto3 clients of both."""

    data: Path
    idle_s: float
    trainer: ProgramSettings = field(
        default_factory=lambda: ProgramSettings(Path(sys.executable), 5.0)
    )
    written: Written = field(default_factory=Written)
    roles: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.http = HttpServer()
        surroundings = CloudContext(self.data, self.http.url)
        self.s3_service = S3Service(surroundings, lambda *_: None)
        self.service = SageMakerService(
            surroundings,
            SageMakerSettings(self._client_as, serverless_idle_s=self.idle_s, program=self.trainer),
            check_role=self.roles.append,
        )
        rooms = {
            "sagemaker": (self.service.runtime, self.service),
            "application-autoscaling": (self.service.scaling,),
        }
        self.http.start(FrontDoor(Backends(rooms, None, self.s3_service, nobody)))  # type: ignore[arg-type]
        self.sagemaker = self.client("sagemaker")
        self.runtime = self.client("sagemaker-runtime")
        self.scaling = self.client("application-autoscaling")
        self.s3 = self.client("s3")
        self.s3_service.start()
        self.service.start()

    def client(self, service: str) -> Any:
        config = Config(
            retries={"total_max_attempts": 1},
            inject_host_prefix=False,
            s3={"addressing_style": "path"},
        )
        return clients.client(service, endpoint_url=self.http.url, config=config)

    def _client_as(self, service: str, role: str) -> Any:
        return self.client("s3") if service == "s3" else self.written

    def stop(self) -> None:
        self.service.stop()
        self.s3_service.stop()
        self.http.stop()

    def put(self, key: str, body: bytes) -> str:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    def model(self, name: str = "model", body: bytes | None = None, **environment: str) -> str:
        address = self.put(f"{name}.tar.gz", package() if body is None else body)
        self.sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=ROLE,
            PrimaryContainer={
                "Image": "image",
                "ModelDataUrl": address,
                "Environment": environment,
            },
        )
        return name

    def config(self, name: str, model: str, **more: Any) -> str:
        variant = {"VariantName": "main", "ModelName": model}
        if more.pop("serverless", False):
            variant |= {"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}  # type: ignore[dict-item]
        else:
            variant |= {"InstanceType": "ml.inf2.xlarge", "InitialInstanceCount": 1}  # type: ignore[dict-item]
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=[variant], **more
        )
        return name

    def divided(self, name: str, weights: Mapping[str, float], instances: int = 1) -> str:
        """Create a configuration with a variant a model, each named as its model is."""
        variants = [
            {
                "VariantName": model,
                "ModelName": model,
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": instances,
                "InitialVariantWeight": weight,
            }
            for model, weight in weights.items()
        ]
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)
        return name

    def asynchronous(self, name: str, model: str, **client: int) -> str:
        output = {"S3OutputPath": f"s3://{BUCKET}/out/", "S3FailurePath": f"s3://{BUCKET}/failed"}
        wanted = {"OutputConfig": output, **({"ClientConfig": client} if client else {})}
        return self.config(name, model, AsyncInferenceConfig=wanted)

    def endpoint(self, name: str, config: str) -> dict[str, Any]:
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
        return self.settled(name)

    def settled(self, name: str) -> dict[str, Any]:
        def done() -> Any:
            found = self.sagemaker.describe_endpoint(EndpointName=name)
            return found["EndpointStatus"] not in ("Creating", "Updating", "RollingBack") and found

        found: dict[str, Any] = eventually(done)
        return found

    def ask(self, endpoint: str, **data: Any) -> dict[str, Any]:
        answered = self.runtime.invoke_endpoint(
            EndpointName=endpoint, Body=json.dumps(data).encode(), ContentType="application/json"
        )
        headers = answered["ResponseMetadata"]["HTTPHeaders"]
        told: dict[str, Any] = json.loads(answered["Body"].read())
        return {**told, "cold_ms": headers.get("x-local-cold-wake-ms")}

    def later(self, endpoint: str, **data: Any) -> dict[str, Any]:
        address = self.put(f"in/{time.monotonic_ns()}", json.dumps(data).encode())
        answered: dict[str, Any] = self.runtime.invoke_endpoint_async(
            EndpointName=endpoint, InputLocation=address
        )
        return answered

    def there(self, address: str) -> bytes | None:
        bucket, _, key = address.removeprefix("s3://").partition("/")
        try:
            return bytes(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        except ClientError:
            return None

    def arrived(self, address: str) -> bytes:
        """Return what comes to an address of S3."""
        found: bytes = eventually(partial(self.there, address))
        return found

    def scale_to_none(self, endpoint: str, *, wakes: bool = True) -> dict[str, str]:
        """Register the endpoint to go down to none one second after the last call."""
        of = {
            "ServiceNamespace": "sagemaker",
            "ResourceId": f"endpoint/{endpoint}/variant/main",
            "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        }
        self.scaling.register_scalable_target(**of, MinCapacity=0, MaxCapacity=2)
        metric = {"MetricName": "ApproximateBacklogSizePerInstance", "Namespace": "AWS/SageMaker"}
        self.scaling.put_scaling_policy(
            **of,
            PolicyName="backlog",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": 3,
                "ScaleInCooldown": 1,
                "CustomizedMetricSpecification": {**metric, "Statistic": "Average"},
            },
        )
        if wakes:
            step = {"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}
            self.scaling.put_scaling_policy(
                **of,
                PolicyName="wake",
                PolicyType="StepScaling",
                StepScalingPolicyConfiguration={
                    "AdjustmentType": "ChangeInCapacity",
                    "StepAdjustments": [step],
                },
            )
        return of

    def values(self, metric: str) -> list[float]:
        """Return what was written of a metric, oldest first."""
        return [each["Value"] for each in self.written.metrics if each["MetricName"] == metric]

    def instances(self, endpoint: str) -> int:
        found = self.sagemaker.describe_endpoint(EndpointName=endpoint)
        return int(found["ProductionVariants"][0]["CurrentInstanceCount"])


@pytest.fixture
def make_bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(idle_s: float = 300.0, trainer: ProgramSettings | None = None) -> Bench:
        """Open what lies in the test's folder; what was open before is closed."""
        for bench in made:
            bench.stop()
        made[:] = [
            Bench(tmp_path / "data", idle_s, trainer or ProgramSettings(Path(sys.executable), 5.0))
        ]
        made[0].s3.create_bucket(Bucket=BUCKET)
        return made[0]

    yield make
    for bench in made:
        bench.stop()


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench()
