"""Stand-ins: the local models that answer for the models of Bedrock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from chalicelib.errors import NotFound
from chalicelib.generation.catalogue import BedrockModel, Catalogue, LocalModel, LocalTask
from chalicelib.generation.models import ServedModels
from localcloud.bedrock.content import validation_error
from localcloud.errors import AwsError


@dataclass(frozen=True, slots=True)
class StandIn:
    """A local model that answers for a model of Bedrock."""

    bedrock_model: BedrockModel
    local_model: LocalModel

    @property
    def identity_fields(self) -> dict[str, object]:
        """The response field that names the local model and the SHA-256 of its largest file."""
        largest = max(self.local_model.files, key=lambda file: file.bytes)
        return {"localModel": {"name": self.local_model.name, "sha256": largest.sha256}}

    def require_files(self, models_dir: Path, sha256_of: Callable[[Path], str]) -> None:
        """Raise ServiceUnavailableException unless the files exist and match the catalogue."""
        for file in self.local_model.files:
            path = models_dir / self.local_model.name / file.name
            if not path.is_file() or sha256_of(path) != file.sha256:
                raise AwsError(
                    "ServiceUnavailableException",
                    f"The local model {self.local_model.name} is not here, or is damaged."
                    f" `headrace models pull {self.local_model.name}` gets it.",
                    503,
                )


def with_chat_model(known: Catalogue, name: str) -> Catalogue:
    """Return the catalogue in which the local model `name` answers for every chat model.

    Raises `NotFound` if there is no local model of that name that chats.
    """
    if known.model(name).task != "chat":
        raise NotFound(
            f"{name} is a model for {known.model(name).task}, not for chat.", field="model"
        )
    served = known.load_served_models()
    models = {
        each: replace(model, local=name) if model.local and model.task == "chat" else model
        for each, model in served.models.items()
    }
    changed = ServedModels(MappingProxyType(models))
    return replace(known, load_served_models=lambda: changed)


def find_stand_in(catalogue: Catalogue, model_id: str, role: LocalTask | None = None) -> StandIn:
    """Return the stand-in for `model_id`. Raises ValidationException as AWS does.

    If `role` is given the model must have it.
    """
    model = catalogue.bedrock_model(model_id)
    if model is None:
        raise validation_error("The provided model identifier is invalid.")
    if role is not None and model.role != role:
        operation = "a conversation" if role == "chat" else "InvokeModel"
        raise validation_error(
            f"The local cloud does not answer {operation} for the model {model_id}."
        )
    return StandIn(model, find_local_model(catalogue, model))


def find_local_model(catalogue: Catalogue, bedrock_model: BedrockModel) -> LocalModel:
    """Return the local model that answers for `bedrock_model`.

    An embedding model without one in the catalogue gets the default embedding model. Raises
    ValidationException if nothing answers.
    """
    if bedrock_model.local:
        return catalogue.model(bedrock_model.local)
    for model in catalogue.models.values():
        if bedrock_model.role == "text-embedding" == model.task and model.default:
            return model
    raise validation_error(
        f"The local cloud has no model that answers for {bedrock_model.model_id}; "
        "use another, or AWS."
    )
