"""What an endpoint runs: its one variant and the model behind it, taken together when it is made.

Configurations and models may be deleted while an endpoint goes on, so it has a copy of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

Mode = Literal["instances", "serverless", "asynchronous"]

DEFAULT_STARTUP_S = 480
"""How long a container may take to answer /ping, unless the variant says otherwise."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One variant deployed. `id` is of this deployment alone; `package` is an address in S3.

    `initial` is the count of instances to begin with, 0 for serverless. `config` and `variant` are
    as they were given.
    """

    id: str
    endpoint: str
    mode: Mode
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
        """Return the variant's name."""
        return str(self.variant["VariantName"])

    @property
    def instance_type(self) -> str:
        """Return the type of its instances, "" where it has none of its own."""
        return str(self.variant.get("InstanceType", ""))

    @property
    def at_once(self) -> int:
        """Return how many asynchronous invocations are in hand at once."""
        client = self.config.get("AsyncInferenceConfig", {}).get("ClientConfig", {})
        return int(client.get("MaxConcurrentInvocationsPerInstance", 1))

    def document(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Read what `document` gave."""
        return cls(**document)


def mode_of(config: Mapping[str, Any]) -> Mode:
    """Return how an endpoint of this configuration is invoked and paid for."""
    if "AsyncInferenceConfig" in config:
        return "asynchronous"
    return "serverless" if "ServerlessConfig" in config["ProductionVariants"][0] else "instances"
