"""The composition root of prompts, and when Jinja is loaded."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from chalicelib.api.prompts import build_services
from chalicelib.errors import InvalidInput
from chalicelib.wiring.api import ApiParts
from tests.architecture.ingest_definition import ROOT
from tests.unit.prompts.examples import VALUES, content
from tests.unit.prompts.fakes import FakePrompts, library

JINJA = """
import json, sys
import app
from chalicelib.wiring.prompts import _check
told = ["jinja2" in sys.modules]
from chalicelib.contracts.prompts import PromptContent
_check(PromptContent.model_validate({"turns": [{"template": "{{ 1 }}"}]}))
told.append("jinja2" in sys.modules)
print(json.dumps(told))
"""


def test_should_load_jinja_when_a_template_is_looked_at_and_not_before() -> None:
    done = subprocess.run(
        [sys.executable, "-c", JINJA], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [False, True]


def test_should_check_preview_and_fence_as_the_views_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    services = build_services(ApiParts({"HEADRACE_RECORDS_TABLE": "t"}))
    services.library.check(content())
    with pytest.raises(InvalidInput, match="Line 1"):
        services.library.check(content(role="{{ report }}"))
    prompts = library(FakePrompts())
    prompts.save("acme", "sum-up", content())
    version = prompts.version("acme", "sum-up", 1)
    fences = {services.fence(), services.fence()}
    assert len(fences) == 2, "nobody can foresee one"
    (fence, _) = fences
    shown = services.preview(version, VALUES, {}, fence)
    assert fence in shown.model_dump_json()
