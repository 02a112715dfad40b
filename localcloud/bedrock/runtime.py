"""Bedrock's runtime, botocore's `bedrock-runtime`."""

from __future__ import annotations

import hashlib
import threading
import time
from pathlib import Path

from chalicelib.errors import ModelFailure
from chalicelib.generation.catalogue import Catalogue, catalogue
from chalicelib.inference.embedder import Embedder
from localcloud.bedrock.converse import ConverseOperations
from localcloud.bedrock.guardrails.guarding import Guardrails
from localcloud.bedrock.guardrails.store import GuardrailStore
from localcloud.bedrock.invoke import InvokeOperations
from localcloud.bedrock.llama import Llama
from localcloud.bedrock.stand_ins import StandIn, stand_in
from localcloud.errors import AwsError
from localcloud.service import CloudContext


class BedrockRuntimeService:
    """Converse, InvokeModel, both streamed too, and ApplyGuardrail."""

    name = "bedrock-runtime"

    def __init__(
        self, surroundings: CloudContext, models_dir: Path, known: Catalogue | None = None
    ) -> None:
        """Answer by the models in `models_dir`; none is loaded before it is asked."""
        self._models_dir = models_dir
        self._catalogue = known or catalogue()
        self._folder = surroundings.folder("bedrock")
        self._llamas: dict[str, Llama] = {}
        self._embedder: Embedder | None = None
        self._guard = threading.Lock()
        self._guardrails = GuardrailStore(self._folder)
        guardrails = Guardrails(surroundings, self._guardrails)
        conversing = ConverseOperations(self._chat, time.monotonic, guardrails.of)
        self.converse = conversing.converse
        self.converse_stream = conversing.converse_stream
        invoking = InvokeOperations(self._catalogue, conversing, self._embedding, time.monotonic)
        self.invoke_model = invoking.invoke_model
        self.invoke_model_with_response_stream = invoking.invoke_model_with_response_stream
        self.apply_guardrail = guardrails.apply_guardrail

    def start(self) -> None:
        """Do nothing: models are loaded when they are asked."""

    def stop(self) -> None:
        """End the models' processes."""
        with self._guard:
            llamas = list(self._llamas.values())
        for llama in llamas:
            llama.stop()
        self._guardrails.close()

    def chat_pid(self, model_id: str) -> int | None:
        """Return the id of the process that answers for `model_id`, if there is one."""
        chosen = stand_in(self._catalogue, model_id, "chat")
        llama = self._llamas.get(chosen.model.name)
        return llama.pid if llama is not None else None

    def _chat(self, model_id: str) -> tuple[StandIn, Llama]:
        chosen = stand_in(self._catalogue, model_id, "chat")
        model = chosen.model
        with self._guard:
            if model.name not in self._llamas:
                chosen.require_files(self._models_dir, _sha256_of)
                path = self._models_dir / model.name / model.files[0].name
                self._llamas[model.name] = Llama(
                    path, model.limits["max_tokens"], self._folder / f"{model.name}.log"
                )
            return chosen, self._llamas[model.name]

    def _embedding(self, chosen: StandIn) -> Embedder:
        with self._guard:
            if self._embedder is None:
                chosen.require_files(self._models_dir, _sha256_of)
                try:
                    self._embedder = Embedder.open(self._models_dir)
                except ModelFailure as error:
                    raise AwsError("ServiceUnavailableException", error.message, 503) from error
            return self._embedder


def _sha256_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
