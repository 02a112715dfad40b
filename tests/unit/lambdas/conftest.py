"""Functions without code, and workers without processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from localcloud.lambdas.registry import RegisteredFunction
from localcloud.lambdas.spec import FunctionSpec

Make = Callable[..., RegisteredFunction]


@pytest.fixture
def make_function(tmp_path: Path) -> Make:
    def make(name: str = "read", generation: int = 1, **settings: Any) -> RegisteredFunction:
        spec = replace(FunctionSpec(name, "app.handler", tmp_path), **settings)
        arn = f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
        return RegisteredFunction(spec, arn, generation, "2026-11-25T00:00:00.000+0000")

    return make
