"""Endpoints: made, described, updated, given more or fewer instances, deleted.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpoint.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from localcloud.clock import utc
from localcloud.sagemaker.definitions import Definitions
from localcloud.sagemaker.deploying import Deployer
from localcloud.sagemaker.deployment import DEFAULT_STARTUP_S, Deployment, mode_of
from localcloud.sagemaker.listing import listed
from localcloud.sagemaker.refusals import invalid, missing, refuse, taken
from localcloud.sagemaker.store import Endpoint, Store
from localcloud.service import Params, Result

ENDPOINT = "endpoint"
_IN_PROGRESS = ("Creating", "Updating", "Deleting")
_NOT_OF_UPDATES = ("ExcludeRetainedVariantProperties", "DeploymentConfig", "RetainDeploymentConfig")


class EndpointOperations:
    """Endpoints."""

    def __init__(
        self,
        store: Store,
        definitions: Definitions,
        deployer: Deployer,
        changed: Callable[[], None],
    ) -> None:
        """Keep endpoints in `store`; `changed` is told of each that may have work."""
        self._store = store
        self._definitions = definitions
        self._deployer = deployer
        self._changed = changed

    def create_endpoint(self, params: Params) -> Result:
        """Keep an endpoint and begin to deploy it."""
        refuse(params, ("DeploymentConfig",))
        name = params["EndpointName"]
        wanted = self._deployment(name, params["EndpointConfigName"])
        made = self._store.create_endpoint(
            name, params["EndpointConfigName"], wanted.document(), wanted.initial
        )
        if not made:
            raise taken(ENDPOINT, self._arn(name))
        self._begin(name)
        return {"EndpointArn": self._arn(name)}

    def update_endpoint(self, params: Params) -> Result:
        """Begin to deploy another configuration; what is in service is asked until it is there."""
        refuse(params, _NOT_OF_UPDATES)
        found = self._settled(params["EndpointName"])
        wanted = self._deployment(found.name, params["EndpointConfigName"])
        if params.get("RetainAllVariantProperties") and wanted.mode != "serverless":
            wanted = Deployment.of({**wanted.document(), "initial": found.instances})
        self._store.change_endpoint(
            found.name,
            config=params["EndpointConfigName"],
            wanted=wanted.document(),
            status="Updating" if found.deployed else "Creating",
            reason=None,
        )
        self._begin(found.name)
        return {"EndpointArn": self._arn(found.name)}

    def update_endpoint_weights_and_capacities(self, params: Params) -> Result:
        """Set how many instances the variant has; weights say nothing where there is but one."""
        found = self._settled(params["EndpointName"])
        if found.deployed is None:
            raise invalid(f"The endpoint {found.name} is {found.status}; it is not in service.")
        deployment = Deployment.of(found.deployed)
        for wanted in params["DesiredWeightsAndCapacities"]:
            if wanted["VariantName"] != deployment.variant_name:
                raise invalid(f"The endpoint has no variant {wanted['VariantName']}.")
            refuse(wanted, ("ServerlessUpdateConfig",), "a variant")
            if "DesiredInstanceCount" in wanted:
                least_of(deployment, int(wanted["DesiredInstanceCount"]))
                self._store.change_endpoint(found.name, instances=wanted["DesiredInstanceCount"])
        self._changed()
        return {"EndpointArn": self._arn(found.name)}

    def describe_endpoint(self, params: Params) -> Result:
        """Describe an endpoint."""
        found = self._found(params["EndpointName"])
        reason = {"FailureReason": found.reason} if found.reason else {}
        shown = Deployment.of(found.deployed or found.wanted)
        asynchronous = shown.config.get("AsyncInferenceConfig")
        return {
            **self._summary(found),
            "EndpointConfigName": found.config,
            "ProductionVariants": [_variant(found, shown)],
            **({"AsyncInferenceConfig": asynchronous} if asynchronous else {}),
            **reason,
        }

    def list_endpoints(self, params: Params) -> Result:
        """List endpoints, newest first unless asked otherwise."""
        refuse(params, ("LastModifiedTimeBefore", "LastModifiedTimeAfter"))
        wanted = params.get("StatusEquals")
        found = [each for each in self._store.endpoints() if wanted in (None, each.status)]
        return listed(params, "Endpoints", found, self._summary)

    def delete_endpoint(self, params: Params) -> Result:
        """End an endpoint; what was queued for it is not done."""
        found = self._settled(params["EndpointName"])
        self._store.change_endpoint(found.name, status="Deleting")
        self._deployer.delete(found)
        return {}

    def _begin(self, name: str) -> None:
        endpoint = self._found(name)
        self._deployer.deploy(endpoint)
        self._changed()

    def _deployment(self, endpoint: str, config_name: str) -> Deployment:
        config = self._definitions.config(config_name).asked
        variant = config["ProductionVariants"][0]
        model = self._definitions.model(variant["ModelName"]).asked
        container = model["PrimaryContainer"]
        return Deployment(
            id=uuid.uuid4().hex,
            endpoint=endpoint,
            mode=mode_of(config),
            package=container["ModelDataUrl"],
            role_arn=model["ExecutionRoleArn"],
            image=container["Image"],
            environment=container.get("Environment", {}),
            startup_s=variant.get("ContainerStartupHealthCheckTimeoutInSeconds", DEFAULT_STARTUP_S),
            initial=variant.get("InitialInstanceCount", 0),
            config={name: value for name, value in config.items() if name != "Tags"},
            variant=variant,
        )

    def _found(self, name: str) -> Endpoint:
        found = self._store.endpoint(name)
        if found is None:
            raise missing(ENDPOINT, self._arn(name))
        return found

    def _settled(self, name: str) -> Endpoint:
        found = self._found(name)
        if found.status in _IN_PROGRESS:
            raise invalid(f'Cannot update in-progress endpoint "{self._arn(name)}".')
        return found

    def _arn(self, name: str) -> str:
        return self._definitions.arn(ENDPOINT, name)

    def _summary(self, found: Endpoint) -> dict[str, Any]:
        return {
            "EndpointName": found.name,
            "EndpointArn": self._arn(found.name),
            "CreationTime": utc(found.created_at),
            "LastModifiedTime": utc(found.modified_at),
            "EndpointStatus": found.status,
        }


def least_of(deployment: Deployment, count: int) -> None:
    """Raise for fewer instances than an endpoint of its mode may have.

    Of endpoints without inference components only asynchronous ones go down to none.
    https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html
    """
    if deployment.mode == "serverless":
        raise invalid("A serverless variant has no instances; it scales by itself.")
    if count < 1 and deployment.mode != "asynchronous":
        raise invalid(
            f"The variant {deployment.variant_name} answers in real time and needs at least 1 "
            "instance; asynchronous and serverless endpoints go down to none."
        )


def _variant(found: Endpoint, shown: Deployment) -> dict[str, Any]:
    weight = shown.variant.get("InitialVariantWeight", 1.0)
    image = {"SpecifiedImage": shown.image, "ResolvedImage": shown.image}
    told = {"VariantName": shown.variant_name, "DeployedImages": [image]}
    told |= {"CurrentWeight": weight, "DesiredWeight": weight}
    if shown.mode == "serverless":
        serverless = shown.variant["ServerlessConfig"]
        return {
            **told,
            "CurrentServerlessConfig": serverless,
            "DesiredServerlessConfig": serverless,
        }
    current = found.instances if found.deployed else 0
    return {**told, "CurrentInstanceCount": current, "DesiredInstanceCount": found.instances}
