"""The runtime of Amazon Bedrock (botocore's `bedrock-runtime`)."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from chalicelib.errors import ModelFailure
from chalicelib.generation.catalogue import BedrockModel, Catalogue, LocalModel, catalogue
from chalicelib.generation.customisable import customisable_models
from chalicelib.generation.model_file import served_models
from chalicelib.generation.models import BedrockBackend
from chalicelib.inference.embedder import Embedder
from localcloud.bedrock.content import validation_error
from localcloud.bedrock.converse import ConverseOperations
from localcloud.bedrock.custom_processes import CustomProcesses
from localcloud.bedrock.customisation.deployments import is_deployment
from localcloud.bedrock.customisation.store import CustomisationJob
from localcloud.bedrock.customisation.throughputs import is_provisioned
from localcloud.bedrock.guardrails.enforcement import GuardrailRuntime
from localcloud.bedrock.guardrails.store import GuardrailStore
from localcloud.bedrock.image_captions import PulledLabeller, caption_images
from localcloud.bedrock.imports.operations import is_imported
from localcloud.bedrock.imports.store import ImportJob
from localcloud.bedrock.invoke import InvokeOperations
from localcloud.bedrock.llama import LlamaProcess
from localcloud.bedrock.stand_ins import StandIn, find_stand_in
from localcloud.errors import AwsError
from localcloud.service import CloudContext, Params, Result

FindImported = Callable[[str], tuple[ImportJob, Path]]
"""Returns the job of an imported model, and the model's file. Raises AwsError."""
_MAX_CONTEXT = 8192
"""The most tokens that an imported model reads here: its memory grows with them."""
FindDeployed = Callable[[str], tuple[CustomisationJob, Path]]
"""Returns the job of a deployed custom model, and the model's file. Raises AwsError."""


class BedrockRuntimeService:
    """Converse and InvokeModel, both also as streams, and ApplyGuardrail."""

    name = "bedrock-runtime"

    def __init__(
        self,
        surroundings: CloudContext,
        models_dir: Path,
        known: Catalogue | None = None,
        find_deployed: FindDeployed | None = None,
        find_imported: FindImported | None = None,
    ) -> None:
        """Serve the models in `models_dir`, and custom ones; each is loaded at its first call."""
        self._find_deployed = find_deployed
        self._find_imported = find_imported
        self._models_dir = models_dir
        self._catalogue = known or catalogue()
        self._folder = surroundings.folder("bedrock")
        self._llamas: dict[str, LlamaProcess] = {}
        self._custom = CustomProcesses(self._folder, _sha256_of)
        self._embedder: Embedder | None = None
        self._labeller = PulledLabeller(models_dir)
        self._guard = threading.Lock()
        self._guardrails = GuardrailStore(self._folder)
        guardrails = GuardrailRuntime(surroundings, self._guardrails)
        converse = ConverseOperations(
            self._find_chat_model, time.monotonic, guardrails.find_guard, self._caption_images
        )
        self._converse = converse
        invoke = InvokeOperations(
            self._catalogue,
            converse,
            self._open_embedder,
            time.monotonic,
            lambda model_id: self._find_chat_model(model_id)[0],
        )
        self.invoke_model = invoke.invoke_model
        self.invoke_model_with_response_stream = invoke.invoke_model_with_response_stream
        self.apply_guardrail = guardrails.apply_guardrail

    def converse(self, params: Params) -> Result:
        """Answer a conversation. Raises AwsError."""
        _refuse_imported(params)
        return self._converse.converse(params)

    def converse_stream(self, params: Params) -> Result:
        """Answer a conversation as it is made. Raises AwsError."""
        _refuse_imported(params)
        return self._converse.converse_stream(params)

    def start(self) -> None:
        """Do nothing: each model is loaded at its first call."""

    def stop(self) -> None:
        """End the models' processes."""
        with self._guard:
            llamas = list(self._llamas.values())
        for llama in llamas:
            llama.stop()
        self._custom.stop()
        self._guardrails.close()

    def chat_pid(self, model_id: str) -> int | None:
        """Return the id of the process that serves `model_id`, or None if it does not run."""
        stand_in = find_stand_in(self._catalogue, model_id, "chat")
        llama = self._llamas.get(stand_in.local_model.name)
        return llama.pid if llama is not None else None

    def _find_chat_model(self, model_id: str) -> tuple[StandIn, LlamaProcess]:
        if (
            is_deployment(model_id) or is_provisioned(model_id)
        ) and self._find_deployed is not None:
            return self._find_custom_model(model_id, self._find_deployed)
        if is_imported(model_id) and self._find_imported is not None:
            return self._open_imported_model(*self._find_imported(model_id))
        stand_in = find_stand_in(self._catalogue, model_id, "chat")
        model = stand_in.local_model
        with self._guard:
            if model.name not in self._llamas:
                stand_in.require_files(self._models_dir, _sha256_of)
                path = self._models_dir / model.name / model.files[0].name
                self._llamas[model.name] = LlamaProcess(
                    path, model.limits["max_tokens"], self._folder / f"{model.name}.log"
                )
            return stand_in, self._llamas[model.name]

    def _find_custom_model(
        self, deployment: str, find: FindDeployed
    ) -> tuple[StandIn, LlamaProcess]:
        job, path = find(deployment)
        base = customisable_models().base(job.request["baseModelIdentifier"])
        foundation = served_models().models[base.model].backend
        assert isinstance(foundation, BedrockBackend)
        stand_in = find_stand_in(self._catalogue, foundation.model_id, "chat")
        name = f"{stand_in.local_model.name}-{job.request['customModelName']}"
        tokens = stand_in.local_model.limits["max_tokens"]
        running = self._custom.open(job.id, path, tokens)
        own = replace(stand_in.local_model, name=name, files=(running.file,))
        return replace(stand_in, local_model=own), running.llama

    def _open_imported_model(self, job: ImportJob, path: Path) -> tuple[StandIn, LlamaProcess]:
        running = self._custom.open(job.id, path, min(job.context, _MAX_CONTEXT))
        limits = {"max_tokens": running.llama.context}
        name, about = str(job.request["importedModelName"]), "imported"
        local = replace(
            self._any_chat_model(), name=name, files=(running.file,), limits=limits, notes=about
        )
        return StandIn(_imported_model(name), local), running.llama

    def _any_chat_model(self) -> LocalModel:
        return next(each for each in self._catalogue.models.values() if each.task == "chat")

    def _caption_images(self, params: Params) -> Params:
        served = served_models().by_bedrock_id(params["modelId"])
        takes_images = served is not None and "image" in served.inputs
        return caption_images(params, self._labeller, takes_images=takes_images)

    def _open_embedder(self, stand_in: StandIn) -> Embedder:
        with self._guard:
            if self._embedder is None:
                stand_in.require_files(self._models_dir, _sha256_of)
                try:
                    self._embedder = Embedder.open(self._models_dir)
                except ModelFailure as error:
                    raise AwsError("ServiceUnavailableException", error.message, 503) from error
            return self._embedder


def _refuse_imported(params: Params) -> None:
    """Raise ValidationException for an imported model, which answers InvokeModel alone."""
    if is_imported(params["modelId"]):
        raise validation_error(
            "This action doesn't support the model that you provided. Try again with a supported "
            "text or chat model."
        )


def _imported_model(name: str) -> BedrockModel:
    return BedrockModel(model_id=name, name=name, provider="", role="chat", local="")


def _sha256_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
