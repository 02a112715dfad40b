"""The operations on deployments, by which custom models answer on demand.

https://docs.aws.amazon.com/bedrock/latest/userguide/deploy-custom-model-on-demand.html
"""

from __future__ import annotations

from typing import Any

from localcloud.bedrock.content import validation_error
from localcloud.bedrock.customisation.operations import CustomisationOperations
from localcloud.bedrock.customisation.store import CustomisationStore, ModelDeployment
from localcloud.bedrock.resources import check_resource_name, new_id
from localcloud.clock import utc
from localcloud.service import CloudContext, Params, Result

_KIND = "custom-model-deployment"


def is_deployment(model_id: str) -> bool:
    """Return whether a model id is the ARN of a deployment."""
    return f":{_KIND}/" in model_id


class DeploymentOperations:
    """The operations on deployments of custom models."""

    def __init__(
        self,
        surroundings: CloudContext,
        store: CustomisationStore,
        customisations: CustomisationOperations,
    ) -> None:
        """Deploy the models of `store`."""
        self._surroundings = surroundings
        self._store = store
        self._customisations = customisations

    def create_custom_model_deployment(self, params: Params) -> Result:
        """Deploy a custom model, which answers once it is Active. Raises AwsError."""
        if ":custom-model/" not in params["modelArn"]:
            raise validation_error("modelArn has to be the ARN of a custom model.")
        check_resource_name("modelDeploymentName", params["modelDeploymentName"])
        job = self._store.model(params["modelArn"])
        request = {name: value for name, value in params.items() if name != "tags"}
        return {
            "customModelDeploymentArn": self._arn(self._store.deploy(new_id(), job.id, request))
        }

    def get_custom_model_deployment(self, params: Params) -> Result:
        """Return the description of a deployment."""
        identifier = params["customModelDeploymentIdentifier"]
        return self._describe(self._store.deployment(identifier))

    def list_custom_model_deployments(self, params: Params) -> Result:
        """List the deployments that match the filters, the newest first."""
        found = [
            self._summary(each)
            for each in reversed(self._store.deployments())
            if params.get("nameContains", "") in each.request["modelDeploymentName"]
            and params.get("modelArnEquals", self._model_arn(each)) == self._model_arn(each)
        ]
        return {"modelDeploymentSummaries": found[: params.get("maxResults", len(found))]}

    def delete_custom_model_deployment(self, params: Params) -> Result:
        """Delete a deployment; calls of its ARN are refused from then on."""
        identifier = params["customModelDeploymentIdentifier"]
        self._store.delete_deployment(self._store.deployment(identifier))
        return {}

    def _arn(self, deployment_id: str) -> str:
        return self._surroundings.arn("bedrock", f"{_KIND}/{deployment_id}")

    def _model_arn(self, deployment: ModelDeployment) -> str:
        return self._customisations.model_arn(self._store.job(deployment.job_id))

    def _describe(self, deployment: ModelDeployment) -> dict[str, Any]:
        described = {
            "customModelDeploymentArn": self._arn(deployment.id),
            "modelDeploymentName": deployment.request["modelDeploymentName"],
            "modelArn": self._model_arn(deployment),
            "createdAt": utc(deployment.created_at),
            "lastUpdatedAt": utc(deployment.created_at),
            "status": self._store.deployment_status(deployment),
        }
        if "description" in deployment.request:
            described["description"] = deployment.request["description"]
        return described

    def _summary(self, deployment: ModelDeployment) -> dict[str, Any]:
        described = self._describe(deployment)
        return {
            "customModelDeploymentArn": described["customModelDeploymentArn"],
            "customModelDeploymentName": described["modelDeploymentName"],
            "modelArn": described["modelArn"],
            "createdAt": described["createdAt"],
            "lastUpdatedAt": described["lastUpdatedAt"],
            "status": described["status"],
        }
