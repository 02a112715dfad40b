"""The control plane of Amazon Bedrock (botocore's `bedrock`): models, guardrails, jobs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from chalicelib.generation.catalogue import BedrockModel, Catalogue, catalogue
from localcloud.bedrock.batch.jobs import InvocationJobStore
from localcloud.bedrock.batch.operations import BatchOperations
from localcloud.bedrock.batch.runner import (
    AuthorizeModel,
    BatchRunner,
    ClientFactory,
    InvokeRuntime,
    PublishEvent,
    allow_model,
)
from localcloud.bedrock.content import validation_error
from localcloud.bedrock.customisation.service import CustomisationService
from localcloud.bedrock.guardrails.operations import GuardrailOperations
from localcloud.bedrock.guardrails.store import GuardrailStore
from localcloud.bedrock.imports.service import ImportService
from localcloud.bedrock.stand_ins import find_local_model
from localcloud.clock import Clock
from localcloud.service import CallInterceptor, CloudContext, Params, Result, call_through


@dataclass(frozen=True, slots=True)
class BatchDependencies:
    """The collaborators of batch jobs.

    Attributes:
        clients: returns a client of a service with a role.
        invoke: processes a record.
        publish: puts an event on the default event bus.
        around: wraps each record as it wraps calls of the front door.
        authorize: checks that the role of a job may use its model.
        clock: the time in seconds since the epoch.
    """

    clients: ClientFactory
    invoke: InvokeRuntime
    publish: PublishEvent
    around: CallInterceptor = call_through
    authorize: AuthorizeModel = allow_model
    clock: Clock = time.time


class BedrockService:
    """Foundation models, guardrails and, given their dependencies, jobs."""

    name = "bedrock"

    def __init__(
        self,
        surroundings: CloudContext,
        models_dir: Path,
        known: Catalogue | None = None,
        batching: BatchDependencies | None = None,
        customisation: CustomisationService | None = None,
        imports: ImportService | None = None,
    ) -> None:
        """Open the stores; models are listed if their stand-ins are in `models_dir`."""
        self._region = surroundings.region
        self._models_dir = models_dir
        self._catalogue = known or catalogue()
        folder = surroundings.folder("bedrock")
        self._guardrails = GuardrailStore(folder)
        guardrails = GuardrailOperations(surroundings, self._guardrails)
        self.create_guardrail = guardrails.create_guardrail
        self.create_guardrail_version = guardrails.create_guardrail_version
        self.update_guardrail = guardrails.update_guardrail
        self.get_guardrail = guardrails.get_guardrail
        self.list_guardrails = guardrails.list_guardrails
        self.delete_guardrail = guardrails.delete_guardrail
        self._customisation: CustomisationService | None = None
        self._jobs: InvocationJobStore | None = None
        self._runner: BatchRunner | None = None
        if batching is not None:
            self._open_batch(surroundings, folder, batching)

        if customisation is not None:
            self._open_customisation(customisation)
        self._imports = imports
        if imports is not None:
            self.create_model_import_job = imports.operations.create_model_import_job
            self.get_model_import_job = imports.operations.get_model_import_job
            self.list_model_import_jobs = imports.operations.list_model_import_jobs
            self.get_imported_model = imports.operations.get_imported_model
            self.list_imported_models = imports.operations.list_imported_models
            self.delete_imported_model = imports.operations.delete_imported_model

    def _open_customisation(self, customisation: CustomisationService) -> None:
        self._customisation = customisation
        jobs, deployments = customisation.operations, customisation.deployments
        self.create_model_customization_job = jobs.create_model_customization_job
        self.get_model_customization_job = jobs.get_model_customization_job
        self.list_model_customization_jobs = jobs.list_model_customization_jobs
        self.stop_model_customization_job = jobs.stop_model_customization_job
        self.get_custom_model = jobs.get_custom_model
        self.list_custom_models = jobs.list_custom_models
        self.delete_custom_model = jobs.delete_custom_model
        throughputs = customisation.throughputs
        self.create_provisioned_model_throughput = throughputs.create_provisioned_model_throughput
        self.get_provisioned_model_throughput = throughputs.get_provisioned_model_throughput
        self.list_provisioned_model_throughputs = throughputs.list_provisioned_model_throughputs
        self.delete_provisioned_model_throughput = throughputs.delete_provisioned_model_throughput
        self.create_custom_model_deployment = deployments.create_custom_model_deployment
        self.get_custom_model_deployment = deployments.get_custom_model_deployment
        self.list_custom_model_deployments = deployments.list_custom_model_deployments
        self.delete_custom_model_deployment = deployments.delete_custom_model_deployment

    def _open_batch(
        self, surroundings: CloudContext, folder: Path, batching: BatchDependencies
    ) -> None:
        self._jobs = InvocationJobStore(folder, batching.clock)
        self._runner = BatchRunner(
            surroundings,
            self._jobs,
            batching.clients,
            batching.publish,
            batching.invoke,
            batching.around,
            batching.authorize,
        )
        batch = BatchOperations(
            surroundings, self._catalogue, self._jobs, self._runner, batching.clients
        )
        self.create_model_invocation_job = batch.create_model_invocation_job
        self.get_model_invocation_job = batch.get_model_invocation_job
        self.list_model_invocation_jobs = batch.list_model_invocation_jobs
        self.stop_model_invocation_job = batch.stop_model_invocation_job

    def start(self) -> None:
        """Continue the jobs of an earlier run."""
        if self._customisation is not None:
            self._customisation.start()
        if self._imports is not None:
            self._imports.start()
        if self._runner is not None:
            self._runner.start()

    def stop(self) -> None:
        """Interrupt jobs, which go on at the next start, and close the stores."""
        if self._customisation is not None:
            self._customisation.stop()
        if self._imports is not None:
            self._imports.stop()
        if self._runner is not None:
            self._runner.stop()
        if self._jobs is not None:
            self._jobs.close()
        self._guardrails.close()

    def list_foundation_models(self, params: Params) -> Result:
        """List the models that match the filters."""
        if "projectIdentifier" in params:
            raise validation_error("The local cloud has no projects; leave out projectIdentifier.")
        models = [
            self._summarize(model)
            for model in self._catalogue.bedrock_models.values()
            if self._is_available(model)
        ]
        for name, matches in _LIST_FILTERS.items():
            if name in params:
                models = [model for model in models if matches(model, params[name])]
        return {"modelSummaries": models}

    def get_foundation_model(self, params: Params) -> Result:
        """Return the description of a model, given by id or ARN."""
        if "projectIdentifier" in params:
            raise validation_error("The local cloud has no projects; leave out projectIdentifier.")
        model = self._catalogue.bedrock_model(params["modelIdentifier"])
        if model is None or not self._is_available(model):
            raise validation_error("The provided model identifier is invalid.")
        return {"modelDetails": self._summarize(model)}

    def _is_available(self, model: BedrockModel) -> bool:
        local = find_local_model(self._catalogue, model)
        return all((self._models_dir / local.name / file.name).is_file() for file in local.files)

    def _summarize(self, model: BedrockModel) -> dict[str, object]:
        chat = model.role == "chat"
        return {
            "modelArn": f"arn:aws:bedrock:{self._region}::foundation-model/{model.model_id}",
            "modelId": model.model_id,
            "modelName": model.name,
            "providerName": model.provider,
            "inputModalities": ["TEXT"],
            "outputModalities": ["TEXT" if chat else "EMBEDDING"],
            "responseStreamingSupported": chat,
            "customizationsSupported": [],
            "inferenceTypesSupported": ["ON_DEMAND"],
            "modelLifecycle": {"status": "ACTIVE"},
        }


_ModelSummary = Mapping[str, object]
_LIST_FILTERS: Mapping[str, Callable[[_ModelSummary, object], bool]] = {
    "byProvider": lambda model, wanted: str(model["providerName"]).lower() == str(wanted).lower(),
    "byOutputModality": lambda model, wanted: model["outputModalities"] == [wanted],
    "byInferenceType": lambda model, wanted: model["inferenceTypesSupported"] == [wanted],
    "byCustomizationType": lambda model, wanted: False,
}
