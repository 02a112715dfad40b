"""The served models that transcribe recordings of documents. Pure."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from chalicelib.errors import Conflict
from chalicelib.generation.models import FunctionBackend, TranscribeBackend

if TYPE_CHECKING:
    from chalicelib.generation.models import ServedModel, ServedModels
    from chalicelib.generation.requirements import CallRegion

_TASK = "transcription"
_FUNCTION = "transcribe_speech"


def transcribers(
    served: ServedModels, region: CallRegion, day: date, allowed: frozenset[str] | None
) -> tuple[str, ...]:
    """Return the names of the models that a tenant may have recordings transcribed by.

    `allowed` are the models that the tenant may use, None for all.
    """
    return tuple(
        model.name
        for model in served.models.values()
        if _transcribes(model)
        and model.lifecycle.status_on(day) == "active"
        and (allowed is None or model.name in allowed)
        and region.route(model) is not None
    )


def job_transcriber(served: ServedModels, name: str) -> ServedModel | None:
    """Return the model that transcribes by jobs and is called `name`; None of any other.

    Raises:
        Conflict: the transcriber that a collection named once is served no more.
    """
    if not name:
        return None
    model = served.models.get(name)
    if model is None or not _transcribes(model):
        raise Conflict(
            f"The collection's transcriber {name} is not served any more; name another by"
            " PUT /v1/collections/NAME.",
            field="transcriber",
        )
    return model if isinstance(model.backend, TranscribeBackend) else None


def _transcribes(model: ServedModel) -> bool:
    backend = model.backend
    if isinstance(backend, FunctionBackend):
        return model.task == _TASK and backend.function == _FUNCTION
    return isinstance(backend, TranscribeBackend)
