"""Which local model answers for which model of Bedrock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chalicelib.generation.catalogue import BedrockModel, Catalogue, Model, Task
from localcloud.bedrock.content import invalid
from localcloud.errors import AwsError


@dataclass(frozen=True, slots=True)
class StandIn:
    """A local model that answers for `asked`."""

    asked: BedrockModel
    model: Model

    @property
    def named(self) -> dict[str, object]:
        """Return the answer's word on who gave it: the name and the sha256 of its largest file."""
        largest = max(self.model.files, key=lambda file: file.bytes)
        return {"localModel": {"name": self.model.name, "sha256": largest.sha256}}

    def require_files(self, models_dir: Path, sha256_of: Callable[[Path], str]) -> None:
        """Raise ServiceUnavailableException unless the files are there and are the catalogue's."""
        for file in self.model.files:
            path = models_dir / self.model.name / file.name
            if not path.is_file() or sha256_of(path) != file.sha256:
                raise AwsError(
                    "ServiceUnavailableException",
                    f"The local model {self.model.name} is not here, or is damaged."
                    " `headrace models pull` gets it.",
                    503,
                )


def stand_in(catalogue: Catalogue, model_id: str, role: Task | None = None) -> StandIn:
    """Return who answers for `model_id`, or raise ValidationException as AWS does.

    With a `role` the model must have that one. Texts are embedded by the default model where the
    catalogue names none.
    """
    asked = catalogue.bedrock_model(model_id)
    if asked is None:
        raise invalid("The provided model identifier is invalid.")
    if role is not None and asked.role != role:
        wanted = "a conversation" if role == "chat" else "InvokeModel"
        raise invalid(f"The local cloud does not answer {wanted} for the model {model_id}.")
    return StandIn(asked, local_model(catalogue, asked))


def local_model(catalogue: Catalogue, asked: BedrockModel) -> Model:
    """Return the local model that answers for `asked`. Raises ValidationException for none."""
    if asked.local:
        return catalogue.model(asked.local)
    for model in catalogue.models.values():
        if asked.role == "text-embedding" == model.task and model.default:
            return model
    raise invalid(
        f"The local cloud has no model that answers for {asked.model_id}; use another, or AWS."
    )
