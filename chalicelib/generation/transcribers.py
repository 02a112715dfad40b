"""The served models that transcribe recordings of documents. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

from chalicelib.errors import Conflict
from chalicelib.generation.models import FunctionBackend, TranscribeBackend

if TYPE_CHECKING:
    from chalicelib.generation.models import ServedModel, ServedModels
    from chalicelib.generation.requirements import CallRegion

OTHER_WHISPERS: Mapping[str, int] = {
    "whisper-tiny": 43,
    "whisper-small": 260,
    "whisper-medium": 806,
    "whisper-large-v3": 1_619,
}
"""Megabytes of Whispers in 8 bits that a stage can be built with, by name."""
MAX_WHISPER_MB = 134
"""Megabytes that a bundle of Lambda has left for a Whisper."""
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


def why_not_built(name: str) -> str:
    """Return why a Whisper that a stage could have is not there, "" for another name."""
    megabytes = OTHER_WHISPERS.get(name)
    if megabytes is None:
        return ""
    built = f"{name} is not built into this stage: in 8 bits it has {megabytes} MB, and"
    if megabytes > MAX_WHISPER_MB:
        return f"{built} a bundle of Lambda has room for {MAX_WHISPER_MB}."
    return f"{built} an operator has to add it to served.json and deploy."


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
