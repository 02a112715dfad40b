"""The operations on endpoints.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpoint.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from localcloud.clock import utc
from localcloud.sagemaker.hosting.definitions import DefinitionOperations
from localcloud.sagemaker.hosting.deployer import Deployer
from localcloud.sagemaker.hosting.deployment import DEFAULT_STARTUP_S, Deployment, invocation_mode
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
_IN_PROGRESS = ("Creating", "Updating", "Deleting")
_UNSUPPORTED_IN_UPDATE = (
    "ExcludeRetainedVariantProperties",
    "DeploymentConfig",
    "RetainDeploymentConfig",
)


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
        """Create an endpoint and start to deploy it."""
        check_unsupported(params, ("DeploymentConfig",))
        name = params["EndpointName"]
        deployment = self._deployment(name, params["EndpointConfigName"])
        created = self._store.create_endpoint(
            name, params["EndpointConfigName"], deployment.to_document(), deployment.initial
        )
        if not created:
            raise already_exists(ENDPOINT, self._arn(name))
        self._deploy(name)
        return {"EndpointArn": self._arn(name)}

    def update_endpoint(self, params: Params) -> Result:
        """Start to deploy another configuration; the current one serves until it is in service."""
        check_unsupported(params, _UNSUPPORTED_IN_UPDATE)
        endpoint = self._get_stable(params["EndpointName"])
        deployment = self._deployment(endpoint.name, params["EndpointConfigName"])
        if params.get("RetainAllVariantProperties") and deployment.mode != "serverless":
            deployment = Deployment.from_document(
                {**deployment.to_document(), "initial": endpoint.instances}
            )
        self._store.update_endpoint(
            endpoint.name,
            config=params["EndpointConfigName"],
            wanted=deployment.to_document(),
            status="Updating" if endpoint.deployed else "Creating",
            reason=None,
        )
        self._deploy(endpoint.name)
        return {"EndpointArn": self._arn(endpoint.name)}

    def update_endpoint_weights_and_capacities(self, params: Params) -> Result:
        """Set the instance count of the variant. Weights have no effect on a single variant."""
        endpoint = self._get_stable(params["EndpointName"])
        if endpoint.deployed is None:
            raise validation_error(
                f"The endpoint {endpoint.name} is {endpoint.status}; it is not in service."
            )
        deployment = Deployment.from_document(endpoint.deployed)
        for change in params["DesiredWeightsAndCapacities"]:
            if change["VariantName"] != deployment.variant_name:
                raise validation_error(f"The endpoint has no variant {change['VariantName']}.")
            check_unsupported(change, ("ServerlessUpdateConfig",), "a variant")
            if "DesiredInstanceCount" in change:
                check_instance_count(deployment, int(change["DesiredInstanceCount"]))
                self._store.update_endpoint(endpoint.name, instances=change["DesiredInstanceCount"])
        self._on_change()
        return {"EndpointArn": self._arn(endpoint.name)}

    def describe_endpoint(self, params: Params) -> Result:
        """Return the description of an endpoint."""
        endpoint = self._get(params["EndpointName"])
        reason = {"FailureReason": endpoint.reason} if endpoint.reason else {}
        deployment = Deployment.from_document(endpoint.deployed or endpoint.desired)
        asynchronous = deployment.config.get("AsyncInferenceConfig")
        return {
            **self._summary(endpoint),
            "EndpointConfigName": endpoint.config,
            "ProductionVariants": [_describe_variant(endpoint, deployment)],
            **({"AsyncInferenceConfig": asynchronous} if asynchronous else {}),
            **reason,
        }

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

    def _deployment(self, endpoint: str, config_name: str) -> Deployment:
        config = self._definitions.config(config_name).request
        variant = config["ProductionVariants"][0]
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


def _describe_variant(endpoint: Endpoint, deployment: Deployment) -> dict[str, Any]:
    weight = deployment.variant.get("InitialVariantWeight", 1.0)
    image = {"SpecifiedImage": deployment.image, "ResolvedImage": deployment.image}
    description = {"VariantName": deployment.variant_name, "DeployedImages": [image]}
    description |= {"CurrentWeight": weight, "DesiredWeight": weight}
    if deployment.mode == "serverless":
        serverless = deployment.variant["ServerlessConfig"]
        return {
            **description,
            "CurrentServerlessConfig": serverless,
            "DesiredServerlessConfig": serverless,
        }
    current = endpoint.instances if endpoint.deployed else 0
    return {
        **description,
        "CurrentInstanceCount": current,
        "DesiredInstanceCount": endpoint.instances,
    }
