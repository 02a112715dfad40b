"""Bedrock's control plane, botocore's `bedrock`: the models that something here answers for,
guardrails and batch jobs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from chalicelib.generation.catalogue import BedrockModel, Catalogue, catalogue
from localcloud.bedrock.batch.jobs import Jobs
from localcloud.bedrock.batch.operations import BatchOperations
from localcloud.bedrock.batch.runner import Ask, BatchRunner, Clients, Publish
from localcloud.bedrock.content import invalid
from localcloud.bedrock.guardrails.operations import GuardrailOperations
from localcloud.bedrock.guardrails.store import GuardrailStore
from localcloud.bedrock.stand_ins import local_model
from localcloud.clock import Clock
from localcloud.service import CallInterceptor, CloudContext, Params, Result, call_through


@dataclass(frozen=True, slots=True)
class Batching:
    """What batch jobs need of the rest of the cloud.

    `clients` are of a service and a role, `ask` answers a record, `around` stands around each as
    it stands around calls, and `publish` puts an event on the default bus.
    """

    clients: Clients
    ask: Ask
    publish: Publish
    around: CallInterceptor = call_through
    clock: Clock = time.time


class BedrockService:
    """Models, guardrails and, with what those need, batch jobs."""

    name = "bedrock"

    def __init__(
        self,
        surroundings: CloudContext,
        models_dir: Path,
        known: Catalogue | None = None,
        batching: Batching | None = None,
    ) -> None:
        """List the models whose stand-ins lie in `models_dir`."""
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
        self._jobs: Jobs | None = None
        self._runner: BatchRunner | None = None
        if batching is not None:
            self._batch(surroundings, folder, batching)

    def _batch(self, surroundings: CloudContext, folder: Path, batching: Batching) -> None:
        self._jobs = Jobs(folder, batching.clock)
        self._runner = BatchRunner(
            surroundings,
            self._jobs,
            batching.clients,
            batching.publish,
            batching.ask,
            batching.around,
        )
        batch = BatchOperations(
            surroundings, self._catalogue, self._jobs, self._runner, batching.clients
        )
        self.create_model_invocation_job = batch.create_model_invocation_job
        self.get_model_invocation_job = batch.get_model_invocation_job
        self.list_model_invocation_jobs = batch.list_model_invocation_jobs
        self.stop_model_invocation_job = batch.stop_model_invocation_job

    def start(self) -> None:
        """Go on with the batch jobs that an earlier run left."""
        if self._runner is not None:
            self._runner.start()

    def stop(self) -> None:
        """Leave batch jobs where they are; nothing that was answered is lost."""
        if self._runner is not None:
            self._runner.stop()
        if self._jobs is not None:
            self._jobs.close()
        self._guardrails.close()

    def list_foundation_models(self, params: Params) -> Result:
        """List the models, narrowed as asked."""
        if "projectIdentifier" in params:
            raise invalid("The local cloud has no projects; leave out projectIdentifier.")
        shown = [
            self._shown(model) for model in self._catalogue.bedrock.values() if self._is_here(model)
        ]
        for name, holds in _NARROWED.items():
            if name in params:
                wanted = params[name]
                shown = [model for model in shown if holds(model, wanted)]
        return {"modelSummaries": shown}

    def get_foundation_model(self, params: Params) -> Result:
        """Describe one model, given by id or ARN."""
        if "projectIdentifier" in params:
            raise invalid("The local cloud has no projects; leave out projectIdentifier.")
        found = self._catalogue.bedrock_model(params["modelIdentifier"])
        if found is None or not self._is_here(found):
            raise invalid("The provided model identifier is invalid.")
        return {"modelDetails": self._shown(found)}

    def _is_here(self, model: BedrockModel) -> bool:
        local = local_model(self._catalogue, model)
        return all((self._models_dir / local.name / file.name).is_file() for file in local.files)

    def _shown(self, model: BedrockModel) -> dict[str, object]:
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


_Shown = Mapping[str, object]
_NARROWED: Mapping[str, Callable[[_Shown, object], bool]] = {
    "byProvider": lambda model, wanted: str(model["providerName"]).lower() == str(wanted).lower(),
    "byOutputModality": lambda model, wanted: model["outputModalities"] == [wanted],
    "byInferenceType": lambda model, wanted: model["inferenceTypesSupported"] == [wanted],
    "byCustomizationType": lambda model, wanted: False,
}
