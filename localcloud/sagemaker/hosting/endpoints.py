"""The operations on endpoints.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpoint.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateEndpoint.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateEndpointWeightsAndCapacities.html
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from localcloud.clock import utc
from localcloud.sagemaker.hosting.definitions import DefinitionOperations
from localcloud.sagemaker.hosting.deployer import Deployer
from localcloud.sagemaker.hosting.deployment import DEFAULT_STARTUP_S, Deployment, invocation_mode
from localcloud.sagemaker.hosting.descriptions import describe_deployments
from localcloud.sagemaker.hosting.fleet import Fleet, VariantCapacity
from localcloud.sagemaker.hosting.guardrails import check_guardrails
from localcloud.sagemaker.hosting.store import Endpoint, HostingStore
from localcloud.sagemaker.requests import (
    already_exists,
    check_unsupported,
    list_page,
    not_found,
    validation_error,
)
from localcloud.service import Params, Result

ENDPOINT = "endpoint"
WEIGHTS_UPDATE_S = 0.5
"""Seconds for which an endpoint is Updating after its weights were set."""
_RETAINED = ("DesiredInstanceCount", "DesiredWeight")
_IN_PROGRESS = ("Creating", "Updating", "RollingBack", "Deleting")


class EndpointOperations:
    """The operations on endpoints."""

    def __init__(
        self,
        store: HostingStore,
        definitions: DefinitionOperations,
        deployer: Deployer,
        on_change: Callable[[], None],
    ) -> None:
        """Store endpoints in `store`; `on_change` is called after each change."""
        self._store = store
        self._definitions = definitions
        self._deployer = deployer
        self._on_change = on_change

    def create_endpoint(self, params: Params) -> Result:
        """Create an endpoint and start to deploy it.

        A DeploymentConfig is kept for updates with RetainDeploymentConfig.
        """
        name = params["EndpointName"]
        fleet = self._fleet(name, params["EndpointConfigName"])
        guardrails = params.get("DeploymentConfig")
        if guardrails is not None:
            check_guardrails(guardrails, None, fleet)
        if not self._store.create_endpoint(name, params["EndpointConfigName"], fleet):
            raise already_exists(ENDPOINT, self._arn(name))
        if guardrails is not None:
            self._store.update_endpoint(name, guardrails=guardrails)
        self._deploy(name)
        return {"EndpointArn": self._arn(name)}

    def update_endpoint(self, params: Params) -> Result:
        """Start to deploy another configuration; the current one serves until it is in service."""
        endpoint = self._get_stable(params["EndpointName"])
        fleet = self._fleet(endpoint.name, params["EndpointConfigName"])
        if params.get("RetainAllVariantProperties"):
            excluded = params.get("ExcludeRetainedVariantProperties", ())
            kept = frozenset(_RETAINED) - {each["VariantPropertyType"] for each in excluded}
            fleet = _retain_capacities(fleet, endpoint.capacities, kept)
        guardrails = params.get("DeploymentConfig")
        if guardrails is None and params.get("RetainDeploymentConfig"):
            guardrails = endpoint.guardrails
        if guardrails is not None:
            check_guardrails(guardrails, endpoint.deployed, fleet)
            fleet = replace(fleet, guardrails=guardrails)
        self._store.update_endpoint(
            endpoint.name,
            config=params["EndpointConfigName"],
            wanted=fleet,
            status="Updating" if endpoint.deployed else "Creating",
            reason=None,
            **({"guardrails": guardrails} if guardrails is not None else {}),
        )
        self._deploy(endpoint.name)
        return {"EndpointArn": self._arn(endpoint.name)}

    def update_endpoint_weights_and_capacities(self, params: Params) -> Result:
        """Set weights and instance counts of variants, which take effect at once.

        The endpoint is Updating for a moment; on AWS it is so for minutes.
        """
        endpoint = self._get_stable(params["EndpointName"])
        if endpoint.deployed is None:
            raise validation_error(
                f"The endpoint {endpoint.name} is {endpoint.status}; it is not in service."
            )
        changes = params["DesiredWeightsAndCapacities"]
        weights = {name: each.weight for name, each in endpoint.capacities.items()}
        for change in changes:
            deployment = endpoint.deployed.variant(change["VariantName"])
            if deployment is None:
                raise validation_error(f"The endpoint has no variant {change['VariantName']}.")
            check_unsupported(change, ("ServerlessUpdateConfig",), "a variant")
            if "DesiredInstanceCount" in change:
                check_instance_count(deployment, int(change["DesiredInstanceCount"]))
            if "DesiredWeight" in change:
                weights[deployment.variant_name] = change["DesiredWeight"]
        if not any(weights.values()):
            raise validation_error("At least one variant needs a weight above 0.")
        self._store.set_capacities(
            endpoint.name,
            {
                change["VariantName"]: (
                    change.get("DesiredWeight"),
                    change.get("DesiredInstanceCount"),
                )
                for change in changes
            },
            WEIGHTS_UPDATE_S,
        )
        self._on_change()
        return {"EndpointArn": self._arn(endpoint.name)}

    def describe_endpoint(self, params: Params) -> Result:
        """Return the description of an endpoint."""
        endpoint = self._get(params["EndpointName"])
        return {**self._summary(endpoint), **describe_deployments(endpoint)}

    def list_endpoints(self, params: Params) -> Result:
        """List endpoints, newest first by default."""
        check_unsupported(params, ("LastModifiedTimeBefore", "LastModifiedTimeAfter"))
        status = params.get("StatusEquals")
        endpoints = [each for each in self._store.endpoints() if status in (None, each.status)]
        return list_page(params, "Endpoints", endpoints, self._summary)

    def delete_endpoint(self, params: Params) -> Result:
        """Delete an endpoint with its queued invocations."""
        endpoint = self._get_stable(params["EndpointName"])
        self._store.update_endpoint(endpoint.name, status="Deleting")
        self._deployer.delete(endpoint)
        return {}

    def _deploy(self, name: str) -> None:
        endpoint = self._get(name)
        self._deployer.deploy(endpoint)
        self._on_change()

    def _fleet(self, endpoint: str, config_name: str) -> Fleet:
        config = self._definitions.config(config_name).request
        return Fleet(
            tuple(
                self._deployment(endpoint, config, variant)
                for variant in config["ProductionVariants"]
            )
        )

    def _deployment(
        self, endpoint: str, config: Mapping[str, Any], variant: Mapping[str, Any]
    ) -> Deployment:
        model = self._definitions.model(variant["ModelName"]).request
        container = model["PrimaryContainer"]
        return Deployment(
            id=uuid.uuid4().hex,
            endpoint=endpoint,
            mode=invocation_mode(config),
            package=container["ModelDataUrl"],
            role_arn=model["ExecutionRoleArn"],
            image=container["Image"],
            environment=container.get("Environment", {}),
            startup_s=variant.get("ContainerStartupHealthCheckTimeoutInSeconds", DEFAULT_STARTUP_S),
            initial=variant.get("InitialInstanceCount", 0),
            config={name: value for name, value in config.items() if name != "Tags"},
            variant=variant,
        )

    def _get(self, name: str) -> Endpoint:
        endpoint = self._store.endpoint(name)
        if endpoint is None:
            raise not_found(ENDPOINT, self._arn(name))
        return endpoint

    def _get_stable(self, name: str) -> Endpoint:
        endpoint = self._get(name)
        if endpoint.status in _IN_PROGRESS:
            raise validation_error(f'Cannot update in-progress endpoint "{self._arn(name)}".')
        return endpoint

    def _arn(self, name: str) -> str:
        return self._definitions.arn(ENDPOINT, name)

    def _summary(self, endpoint: Endpoint) -> dict[str, Any]:
        return {
            "EndpointName": endpoint.name,
            "EndpointArn": self._arn(endpoint.name),
            "CreationTime": utc(endpoint.created_at),
            "LastModifiedTime": utc(endpoint.modified_at),
            "EndpointStatus": endpoint.status,
        }


def check_instance_count(deployment: Deployment, count: int) -> None:
    """Raise ValidationException if an endpoint of this mode can't have `count` instances.

    Only asynchronous endpoints can have none, as there are no inference components here.
    https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html
    """
    if deployment.mode == "serverless":
        raise validation_error("A serverless variant has no instances; it scales by itself.")
    if count < 1 and deployment.mode != "asynchronous":
        raise validation_error(
            f"The variant {deployment.variant_name} answers in real time and needs at least 1 "
            "instance; asynchronous and serverless endpoints go down to none."
        )


def _retain_capacities(
    fleet: Fleet, capacities: Mapping[str, VariantCapacity], kept: Collection[str]
) -> Fleet:
    """Return `fleet` with the properties `kept` of the variants that are in service by name."""
    retained = []
    for deployment in fleet.variants:
        before = capacities.get(deployment.variant_name)
        if before and "DesiredInstanceCount" in kept and deployment.mode != "serverless":
            deployment = replace(deployment, initial=before.instances)
        if before and "DesiredWeight" in kept:
            variant = {**deployment.variant, "InitialVariantWeight": before.weight}
            deployment = replace(deployment, variant=variant)
        retained.append(deployment)
    return replace(fleet, variants=tuple(retained))
