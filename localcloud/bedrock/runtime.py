"""Bedrock's runtime, botocore's `bedrock-runtime`."""

from __future__ import annotations

import hashlib
import threading
import time
from pathlib import Path

from chalicelib.errors import ModelFailure
from chalicelib.generation.catalogue import Catalogue, catalogue
from chalicelib.inference.embedder import Embedder
from localcloud.bedrock import titan
from localcloud.bedrock.conversation import invalid
from localcloud.bedrock.converse import ConverseOperations
from localcloud.bedrock.llama import Llama
from localcloud.bedrock.stand_ins import StandIn, stand_in
from localcloud.errors import AwsError
from localcloud.service import Params, Result, Surroundings

_JSON = frozenset({"application/json", "*/*", ""})


class BedrockRuntimeService:
    """Converse, ConverseStream, and InvokeModel for embeddings."""

    name = "bedrock-runtime"

    def __init__(
        self, surroundings: Surroundings, models_dir: Path, known: Catalogue | None = None
    ) -> None:
        """Answer by the models in `models_dir`; none is loaded before it is asked."""
        self._models_dir = models_dir
        self._catalogue = known or catalogue()
        self._folder = surroundings.folder("bedrock")
        self._llamas: dict[str, Llama] = {}
        self._embedder: Embedder | None = None
        self._guard = threading.Lock()
        operations = ConverseOperations(self._chat, time.monotonic)
        self.converse = operations.converse
        self.converse_stream = operations.converse_stream

    def start(self) -> None:
        """Do nothing: models are loaded when they are asked."""

    def stop(self) -> None:
        """End the models' processes."""
        with self._guard:
            llamas = list(self._llamas.values())
        for llama in llamas:
            llama.stop()

    def invoke_model(self, params: Params) -> Result:
        """Embed a text as Titan would; other models are only to be had through Converse."""
        for name in ("guardrailIdentifier", "guardrailVersion", "trace", "serviceTier"):
            if name in params:
                raise invalid(f"The local model can't use {name}; leave it out, or use AWS.")
        for name in ("contentType", "accept"):
            if params.get(name, "") not in _JSON:
                raise invalid(f"The local model takes and gives application/json, not {name}.")
        chosen = stand_in(self._catalogue, params["modelId"], "text-embedding")
        body = titan.embed(params.get("body", b""), self._embedding(chosen), chosen.named)
        return {"body": body, "contentType": "application/json"}

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
