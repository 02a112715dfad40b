"""The plain template of a stage, made once for all tests of a process."""

from __future__ import annotations

import functools
import json
from typing import Any

from infra.synthesis_cache import cached_synthesis
from tests.architecture.ingest_definition import ROOT


@functools.cache
def plain(stage: str, *options: str) -> dict[str, Any]:
    """Return the template of `stage` as `python -m infra.synthesise` prints it."""
    template: dict[str, Any] = json.loads(cached_synthesis(ROOT, "--stage", stage, *options))
    return template
