"""LangChain and LiteLLM against the API and the local Bedrock, each as its own guide uses it.

They live in an environment of their own, which `make clients` makes.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cloud import PROJECT, CloudProcess

PYTHON = PROJECT / ".venv-clients" / "bin" / "python"
TIMEOUT_SECONDS = 110

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON.exists(), reason="make clients has not been run"),
]


def told_by(program: str, cloud: CloudProcess) -> dict[str, Any]:
    """What a program prints that runs against the cloud."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    alone = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LANGSMITH_TRACING": "false",
    }
    file = Path(__file__).with_name(program)
    done = subprocess.run(
        [str(PYTHON), str(file), f"{cloud.endpoint_url}/v1", cloud.api_key, cloud.endpoint_url],
        env=kept | alone,
        capture_output=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-4000:]
    told: dict[str, Any] = json.loads(done.stdout.decode().splitlines()[-1])
    return told


def test_langchain_should_work_unchanged(cloud: CloudProcess) -> None:
    told = told_by("langchain_program.py", cloud)
    assert told["streamed"] == told["whole"] != ""
    assert told["pieces"] > 1
    assert told["usage"]["output_tokens"] <= 8
    assert told["finish"] in {"stop", "length"}
    assert told["responses"]
    assert told["with tools"]
    assert told["dimensions"] == [384, 384]
    assert told["converse"] == told["whole"]
    assert told["converse usage"]["input_tokens"] == told["usage"]["input_tokens"]
    assert told["converse pieces"] > 1
    assert told["titan dimensions"] > 0


def test_litellm_should_work_unchanged(cloud: CloudProcess) -> None:
    told = told_by("litellm_program.py", cloud)
    assert told["streamed"] == told["whole"] != ""
    assert told["pieces"] > 1
    assert told["tokens"] > 8
    assert told["responses"]
    assert told["dimensions"] == [384, 384]
    assert "nova-micro" in told["refused"]
    assert told["converse"] == told["whole"]
    assert told["converse pieces"] > 1
