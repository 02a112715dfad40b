"""The production variants of SageMaker's endpoints, and their weights.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateEndpointWeightsAndCapacities.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from chalicelib.adapters.aws import translated
from chalicelib.errors import Conflict, InvalidInput, NotFound
from chalicelib.rollouts.endpoint_weights import EndpointTraffic

_MISSING = "Could not find"
"""How SageMaker's ValidationException begins for an endpoint that does not exist."""


class SageMakerHosting(Protocol):
    """The part of boto3's client of `sagemaker` that is used here."""

    def describe_endpoint(self, **params: Any) -> Any: ...

    def update_endpoint_weights_and_capacities(self, **params: Any) -> Any: ...


class SageMakerVariants:
    """The production variants of the endpoints of the stage's account and region."""

    def __init__(self, client: SageMakerHosting) -> None:
        self._client = client

    def traffic(self, endpoint: str) -> EndpointTraffic:
        """Return the status and weights of an endpoint; raise `NotFound` if there is none.

        While a change of weights is in progress, these are the weights that it leads to.
        """
        try:
            with translated(f"reading the endpoint {endpoint}"):
                found = self._client.describe_endpoint(EndpointName=endpoint)
        except InvalidInput as error:
            raise _missing(error) from error
        variants = found.get("ProductionVariants", ())
        weights = {each["VariantName"]: float(each.get("DesiredWeight", 0)) for each in variants}
        return EndpointTraffic(str(found["EndpointStatus"]), weights)

    def set_weights(self, endpoint: str, weights: Mapping[str, float]) -> None:
        """Set the weights of variants by name; the endpoint is updated for a while afterwards.

        Raises:
            NotFound: the endpoint does not exist.
            Conflict: SageMaker takes no weights now, as while the endpoint is being updated.
            Throttled, Transient: SageMaker did not do it.
        """
        changes = [
            {"VariantName": name, "DesiredWeight": weight} for name, weight in weights.items()
        ]
        try:
            with translated(f"setting weights of the endpoint {endpoint}"):
                self._client.update_endpoint_weights_and_capacities(
                    EndpointName=endpoint, DesiredWeightsAndCapacities=changes
                )
        except InvalidInput as error:
            raise _missing(error) from error


def _missing(error: InvalidInput) -> NotFound | Conflict:
    """Return what a ValidationException means, which SageMaker gives for what is not there, too."""
    kind = NotFound if _MISSING in error.message else Conflict
    return kind(error.message)
