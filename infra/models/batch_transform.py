"""Batch transform with a registered version: `headrace models transform`.

The stage needs `Training=on`. The version's files are packed with the handler of its graphs
(models/serving) and put under `models/` of the stage's bucket, together with the inputs if they are
local. The state machine `model-job` creates a model of the package, runs the transform job, and
removes the model. https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.contracts.model_manifest import FILE, Signature
from infra import stages
from infra.models import approval, jobs
from infra.models.approval import OVERRIDE
from infra.models.registry import RegisteredVersion, Registry, arn_of
from infra.models.training import TrainingStage
from models.sagemaker import job_requests
from models.serving import pack, packages

INSTANCE = "ml.m5.xlarge"
_HERE = "served-by-the-local-cloud"
_ROLE = "arn:aws:iam::{account}:role/chosen-by-the-machine"


class TransformError(Exception):
    """Raised when no handler serves the version, or an address is not of the stage."""


@dataclass(frozen=True, slots=True)
class TransformRequest:
    """Version, inputs and output of a batch transform.

    The inputs are a local file, or s3://BUCKET/PREFIX below `models/` of the stage; each line is a
    request. `output` is such a prefix too; None selects a new one.
    """

    source: str
    output: str | None = None
    at_once: int = 1
    image: str | None = None
    unapproved: bool = False
    """Whether a version is taken that is not approved or below its gates."""


@dataclass(frozen=True, slots=True)
class PreparedTransform:
    """The requests for a model and a transform, and the location of the answers.

    `problems` are the reasons for which the version should not be used, which were overridden.
    """

    name: str
    requests: Mapping[str, Any]
    output: str
    problems: tuple[str, ...] = ()


class BatchTransforms:
    """Batch transforms of one stage."""

    def __init__(self, place: stages.StageConnection) -> None:
        """Connect to the stage by `place`."""
        self.home = TrainingStage.of(place.outputs)
        self._client = place.client
        self._registry = Registry(place.client)
        self._root = f"s3://{self.home.bucket}/models/"

    def prepare(self, wanted: str, question: TransformRequest) -> PreparedTransform:
        """Upload the package and the inputs, and return the job's request.

        `wanted` is a version's ARN or GROUP/NUMBER.

        Raises:
            TransformError: an address is not of the stage, or the version is not approved, of the
                preset smoke, or below its gates.
            BadRecipe: the request could not be sent.
            VersionNotFoundError, ClientError: the version does not exist, or AWS refuses.
        """
        version = self._registry.version(arn_of(self.home.region, self.home.account, wanted))
        name = jobs.short_job_name(self.home)
        output = self._of_stage(question.output or f"{self._root}transforms/{name}/output")
        if question.source.startswith("s3://"):
            self._of_stage(question.source)
        package, problems = self._packed(version, name, unapproved=question.unapproved)
        source = self._source(question.source, name)
        model = {
            "ModelName": name,
            "ExecutionRoleArn": _ROLE.format(account=self.home.account),
            "PrimaryContainer": {
                "Image": question.image or _HERE,
                "ModelDataUrl": package,
            },
        }
        transform = {
            "TransformJobName": name,
            "ModelName": name,
            "BatchStrategy": "SingleRecord",
            "MaxConcurrentTransforms": question.at_once,
            "TransformInput": {
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": source}},
                "ContentType": "application/json",
                "SplitType": "Line",
            },
            "TransformOutput": {
                "S3OutputPath": output,
                "Accept": "application/json",
                "AssembleWith": "Line",
            },
            "TransformResources": {"InstanceType": INSTANCE, "InstanceCount": 1},
        }
        requests = {
            "model": model,
            "transform": job_requests.validate_request(transform, "TransformJob"),
        }
        return PreparedTransform(name, requests, output, problems)

    def run(self, prepared: PreparedTransform) -> Mapping[str, Any]:
        """Run a prepared transform, and return how its execution ended. Raises ClientError."""
        execution = jobs.start_model_job(self._client, self.home, prepared.requests)
        return jobs.follow_model_job(self._client, execution)

    def answers(self, prepared: PreparedTransform) -> list[str]:
        """Return the addresses of the answers, one per input. Raises ClientError."""
        bucket, _, prefix = prepared.output.removeprefix("s3://").partition("/")
        pages = self._client("s3").get_paginator("list_objects_v2")
        return [
            f"s3://{bucket}/{each['Key']}"
            for page in pages.paginate(Bucket=bucket, Prefix=f"{prefix.rstrip('/')}/")
            for each in page.get("Contents", ())
        ]

    def _source(self, given: str, name: str) -> str:
        """Return the S3 address of the inputs; upload them if they are a file."""
        if given.startswith("s3://"):
            return self._of_stage(given)
        path = Path(given)
        return self._put(path, f"transforms/{name}/input/{path.name}")

    def _of_stage(self, address: str) -> str:
        if not address.startswith(self._root):
            raise TransformError(
                f"{address} is not below {self._root}, which is all that the job's role reaches."
            )
        return address

    def _packed(
        self, version: RegisteredVersion, name: str, *, unapproved: bool
    ) -> tuple[str, tuple[str, ...]]:
        """Upload the package of a version; return its address, and what speaks against using it."""
        with self._registry.left(version) as folder, tempfile.TemporaryDirectory() as scratch:
            package = Path(scratch) / "package.tar.gz"
            signature = _signature(folder, version.name)
            problems = approval.use_problems(version, signature)
            if problems and not unapproved:
                raise TransformError(approval.refusal(problems, OVERRIDE))
            try:
                # Versions that were registered before exports had their code get it here.
                own = (folder / packages.HANDLER).is_file()
                pack.pack(folder, None if own else packages.handler_of(signature.graphs), package)
            except ValueError as error:
                raise TransformError(f"{version.name} cannot be packed: {error}") from error
            return self._put(package, f"packages/{name}.tar.gz"), tuple(problems)

    def _put(self, path: Path, key: str) -> str:
        with path.open("rb") as body:
            self._client("s3").put_object(Bucket=self.home.bucket, Key=f"models/{key}", Body=body)
        return f"{self._root}{key}"


def _signature(folder: Path, label: str) -> Signature:
    """Return the manifest of the model in `folder`; raise TransformError if it is not whole."""
    try:
        return Signature.model_validate_json((folder / FILE).read_bytes())
    except (OSError, ValueError) as error:
        raise TransformError(f"{label} has no whole {FILE}: {error}") from error
