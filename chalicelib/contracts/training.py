"""Events about trained models on the bus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import AwareDatetime, Field

from chalicelib.contracts.events import BusEvent


class ModelEvent(BusEvent):
    """Fields of every event about a model. `group` is that of SageMaker's registry, `training`
    the name of the training job.
    """

    group: str
    training: str
    time: AwareDatetime


class ModelRegistered(ModelEvent):
    """A trained model passed its gates and waits for approval as a version of its group."""

    detail_type: ClassVar[str] = "model.registered"

    arn: str
    artefact: str
    metrics: Mapping[str, float]


class ModelFailed(ModelEvent):
    """A model was not registered: a job failed, was stopped, or stayed below its gates."""

    detail_type: ClassVar[str] = "model.failed"

    error: str
    reason: Annotated[str, Field(max_length=1000)]
    state: str
