"""What DescribeEndpoint says of an endpoint's variants and of the update in progress. Pure.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_PendingDeploymentSummary.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.clock import utc
from localcloud.sagemaker.hosting.deployment import Deployment
from localcloud.sagemaker.hosting.fleet import VariantCapacity
from localcloud.sagemaker.hosting.store import Endpoint


def describe_deployments(endpoint: Endpoint) -> dict[str, Any]:
    """Return the members of DescribeEndpoint that its summary in a list does not have.

    An update shows as PendingDeploymentSummary, with the status of the new fleet's variants.
    """
    fleet = endpoint.fleet
    described: dict[str, Any] = {}
    in_service = endpoint.deployed is not None
    asynchronous = fleet.variants[0].config.get("AsyncInferenceConfig")
    if asynchronous:
        described["AsyncInferenceConfig"] = asynchronous
    if endpoint.reason:
        described["FailureReason"] = endpoint.reason
    if endpoint.guardrails:
        described["LastDeploymentConfig"] = endpoint.guardrails
    if in_service and endpoint.is_deploying:
        described["PendingDeploymentSummary"] = _describe_pending(endpoint)
    capacities = endpoint.capacities or fleet.capacities()
    return {
        "EndpointConfigName": fleet.config_name if in_service else endpoint.config,
        "ProductionVariants": [
            _describe_variant(each, capacities[each.variant_name], in_service)
            for each in fleet.variants
        ],
        **described,
    }


def _describe_pending(endpoint: Endpoint) -> dict[str, Any]:
    shift, new = endpoint.shift, endpoint.desired
    status = {
        "Status": shift.status if shift else "Creating",
        "StartTime": utc(shift.since if shift else endpoint.modified_at),
    }
    if shift:
        status["StatusMessage"] = f"{shift.share:.0%} of the traffic is on the new fleet."
    capacities = new.capacities()
    return {
        "EndpointConfigName": endpoint.config,
        "StartTime": utc(endpoint.modified_at),
        "ProductionVariants": [
            {
                **_describe_variant(each, capacities[each.variant_name], shift is not None),
                "VariantStatus": [status],
            }
            for each in new.variants
        ],
    }


def _describe_variant(
    deployment: Deployment, capacity: VariantCapacity, in_service: bool
) -> Mapping[str, Any]:
    description = {
        "VariantName": deployment.variant_name,
        "DeployedImages": [{"SpecifiedImage": deployment.image, "ResolvedImage": deployment.image}],
        "CurrentWeight": capacity.weight,
        "DesiredWeight": capacity.weight,
    }
    if deployment.mode == "serverless":
        serverless = deployment.variant["ServerlessConfig"]
        return {
            **description,
            "CurrentServerlessConfig": serverless,
            "DesiredServerlessConfig": serverless,
        }
    return {
        **description,
        "CurrentInstanceCount": capacity.instances if in_service else 0,
        "DesiredInstanceCount": capacity.instances,
    }
