"""A fleet: the production variants of an endpoint configuration, deployed together. Pure.

An invocation goes to a variant by the ratio of its weight to the sum of all weights. While a
blue/green update shifts traffic, a share of the invocations goes to the new fleet.
https://docs.aws.amazon.com/sagemaker/latest/dg/model-ab-testing.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from localcloud.sagemaker.hosting.deployment import Deployment


@dataclass(frozen=True, slots=True)
class VariantCapacity:
    """The weight of a variant, and the number of instances that AWS bills for it."""

    weight: float
    instances: int


@dataclass(frozen=True, slots=True)
class Fleet:
    """The deployed variants of an endpoint configuration, and how traffic is shifted to them.

    Attributes:
        variants: one deployment for each production variant, in the configuration's order.
        guardrails: the DeploymentConfig of the update, None if traffic shifts all at once.
    """

    variants: tuple[Deployment, ...]
    guardrails: Mapping[str, Any] | None = None

    @property
    def config_name(self) -> str:
        """The name of the endpoint configuration."""
        return str(self.variants[0].config["EndpointConfigName"])

    @property
    def role_arn(self) -> str:
        """The execution role of the first variant's model."""
        return self.variants[0].role_arn

    def variant(self, name: str) -> Deployment | None:
        """Return the variant of a name, or None."""
        return next((each for each in self.variants if each.variant_name == name), None)

    def capacities(self) -> dict[str, VariantCapacity]:
        """Return the capacities that the variants start with, by name."""
        return {
            each.variant_name: VariantCapacity(each.initial_weight, each.initial)
            for each in self.variants
        }

    def choose(self, capacities: Mapping[str, VariantCapacity], draw: float) -> Deployment:
        """Return the variant that serves an invocation, by weight.

        Args:
            capacities: the current capacities by variant name.
            draw: a uniform random number, at least 0 and below 1.
        """
        weights = [capacities[each.variant_name].weight for each in self.variants]
        left = draw * sum(weights)
        for variant, weight in zip(self.variants, weights, strict=True):
            left -= weight
            if left < 0:
                return variant
        return self.variants[max(i for i, weight in enumerate(weights) if weight)]

    def to_document(self) -> dict[str, Any]:
        """Return the fleet as a JSON document."""
        return {
            "variants": [each.to_document() for each in self.variants],
            "guardrails": self.guardrails,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Return the fleet of a stored document; older ones hold a single deployment."""
        if "variants" not in document:
            return cls((Deployment.from_document(document),))
        variants = tuple(Deployment.from_document(each) for each in document["variants"])
        return cls(variants, document["guardrails"])
