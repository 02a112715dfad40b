"""The composition root of the functions that answer by models which the stage trained."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from chalicelib.adapters import aws
from chalicelib.adapters.model_versions import ModelVersions
from chalicelib.adapters.s3 import S3Objects
from chalicelib.inference.exported_model import ExportedModel
from chalicelib.inference.hot_swap import HotSwap
from chalicelib.observability import log_not_swapped
from chalicelib.settings import ServingSettings

M = TypeVar("M")


def served_models(environ: Mapping[str, str], opened: Callable[[ExportedModel], M]) -> HotSwap[M]:
    """Return the models that the stage of `environ` serves, each of which `opened` opens."""
    settings = ServingSettings.from_environ(environ)
    versions = ModelVersions(S3Objects(aws.s3()), settings.bucket)
    return HotSwap(versions, opened, time.monotonic, log_not_swapped)
