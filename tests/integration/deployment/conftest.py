from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto import mock_aws
from moto.bedrock.responses import BedrockResponse

from tests.integration.deployment.world import World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    # moto lacks the operation; commands make clients of their own, for which nobody else answers.
    none = json.dumps({"invocationJobSummaries": []})
    monkeypatch.setattr(
        BedrockResponse, "list_model_invocation_jobs", lambda self: none, raising=False
    )
    with mock_aws():
        yield World(tmp_path)
