"""A deployment: a production variant of an endpoint with a copy of its model.

Endpoint configurations and models may be deleted while an endpoint runs, so it has copies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

InvocationMode = Literal["instances", "serverless", "asynchronous"]

DEFAULT_STARTUP_S = 480
"""Default of ContainerStartupHealthCheckTimeoutInSeconds, until /ping must respond."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployed production variant. The names of the fields are stored.

    Attributes:
        id: unique for each deployment of an endpoint.
        package: the S3 URI of the model's archive.
        startup_s: seconds until /ping must respond.
        initial: the initial number of instances, 0 for serverless.
        config, variant: the parameters of CreateEndpointConfig, and its variant.
    """

    id: str
    endpoint: str
    mode: InvocationMode
    package: str
    role_arn: str
    image: str
    environment: Mapping[str, str]
    startup_s: int
    initial: int
    config: Mapping[str, Any] = field(default_factory=dict)
    variant: Mapping[str, Any] = field(default_factory=dict)

    @property
    def variant_name(self) -> str:
        """The name of the variant."""
        return str(self.variant["VariantName"])

    @property
    def initial_weight(self) -> float:
        """The weight of the variant in a new deployment, 1 by default."""
        return float(self.variant.get("InitialVariantWeight", 1.0))

    @property
    def instance_type(self) -> str:
        """The instance type, or an empty string for serverless."""
        return str(self.variant.get("InstanceType", ""))

    @property
    def max_concurrency(self) -> int:
        """The number of asynchronous invocations that may run at once."""
        client = self.config.get("AsyncInferenceConfig", {}).get("ClientConfig", {})
        return int(client.get("MaxConcurrentInvocationsPerInstance", 1))

    def to_document(self) -> dict[str, Any]:
        """Return the deployment as a JSON document."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Return the deployment of a document from `to_document`."""
        return cls(**document)


def invocation_mode(config: Mapping[str, Any]) -> InvocationMode:
    """Return how endpoints of this configuration are invoked and billed."""
    if "AsyncInferenceConfig" in config:
        return "asynchronous"
    return "serverless" if "ServerlessConfig" in config["ProductionVariants"][0] else "instances"
