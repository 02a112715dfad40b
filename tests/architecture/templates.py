"""The templates of stages and packages, each made once for all tests of a process."""

from __future__ import annotations

import functools
import json
from typing import Any

from infra.packaging import template
from infra.packaging.bundles import bundle_name
from infra.synthesis.cache import cached_synthesis
from tests.architecture.ingest_definition import ROOT

_SNAPPED = "APIHandler,Authorizer,ChunkDocument,EmbedText,ObjectCreated,ReembedPassages,Sweep"
FROM_SNAPSHOTS = ("--snap-start", _SNAPPED)
"""Options for a stage of which a function of each kind starts from a snapshot."""


@functools.cache
def plain(stage: str, *options: str) -> dict[str, Any]:
    """Return the template of `stage` as `python -m infra.synthesis.template` prints it."""
    made: dict[str, Any] = json.loads(cached_synthesis(ROOT, "--stage", stage, *options))
    return made


@functools.cache
def merged() -> dict[str, Any]:
    """Return the SAM template that packages are made of."""
    return template.merged(ROOT, "prod", "eu-central-1")


def key_of(handler: str) -> str:
    """Return the key of a bundle; none has to be made for a template."""
    return f"functions/{bundle_name(handler)}-{'0' * 64}.zip"


@functools.cache
def packaged(architecture: str) -> dict[str, Any]:
    """Return the template of a package."""
    return template.plain(merged(), "prod", "eu-central-1", architecture, key_of)
