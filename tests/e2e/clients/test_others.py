"""Other people's clients against the API and the local cloud, each as its own guide uses it.

They live in an environment of their own, which `make clients` makes. One call of each runs always;
all that LangChain, LiteLLM and the AWS CLI are used for runs in the soak.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.cloud import PROJECT, CloudProcess
from tests.soak import WHOLE

PYTHON = PROJECT / ".venv-clients" / "bin" / "python"
AWS = PYTHON.with_name("aws")
NODE_PACKAGES = PROJECT / ".venv-clients" / "node" / "node_modules"
TIMEOUT_SECONDS = 300

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(TIMEOUT_SECONDS + 20),
    pytest.mark.skipif(not PYTHON.exists(), reason="make clients has not been run"),
]


soak_only = pytest.mark.skipif(not WHOLE, reason="the whole of a client runs in make soak")


def run(command: list[str], cloud: CloudProcess) -> str:
    """Return the output of a command that runs against the cloud."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    alone = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": cloud.endpoint_url,
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LANGSMITH_TRACING": "false",
    }
    done = subprocess.run(
        command, env=kept | alone, capture_output=True, timeout=TIMEOUT_SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr.decode()[-4000:]
    return done.stdout.decode()


def told_by(program: str, cloud: CloudProcess) -> dict[str, Any]:
    """Return the output of a program that runs against the cloud."""
    file = Path(__file__).with_name(program)
    where = [f"{cloud.endpoint_url}/v1", cloud.api_key, cloud.endpoint_url]
    told: dict[str, Any] = json.loads(run([str(PYTHON), str(file), *where], cloud).splitlines()[-1])
    return told


def aws(cloud: CloudProcess, *arguments: str) -> Any:
    """Return the output of the AWS CLI, None for nothing.

    Its version 1 sends `sqs` to an address of its own unless it is given one.
    """
    there = ["--endpoint-url", cloud.endpoint_url, "--output", "json"]
    printed = run([str(AWS), *there, *arguments], cloud)
    return json.loads(printed) if printed.strip() else None


def test_one_call_of_each_quick_start_should_be_answered(cloud: CloudProcess) -> None:
    told = told_by("quick_starts_program.py", cloud)
    for name in ("instructor", "pydantic-ai"):
        person = told.pop(name)
        assert set(person) == {"name", "age"}, person
        assert isinstance(person["age"], int)
    assert told.pop("llama-index vectors") == 384
    assert set(told) == {"openai", "langchain", "litellm", "openai-agents", "llama-index"}
    assert all(isinstance(text, str) and text for text in told.values()), told


@pytest.mark.skipif(
    shutil.which("node") is None or not NODE_PACKAGES.is_dir(),
    reason="Node's clients are not here",
)
def test_one_call_of_each_client_for_node_should_be_answered(
    cloud: CloudProcess, tmp_path: Path
) -> None:
    """A program for Node finds packages beside itself alone."""
    (tmp_path / "node_modules").symlink_to(NODE_PACKAGES)
    program = shutil.copy(Path(__file__).with_name("node") / "quick_starts.mjs", tmp_path)
    where = [f"{cloud.endpoint_url}/v1", cloud.api_key]
    told = json.loads(run(["node", str(program), *where], cloud))
    assert len(told) == 5
    assert all(isinstance(text, str) and text for text in told.values()), told


def test_the_aws_cli_should_list_queues(cloud: CloudProcess) -> None:
    urls = aws(cloud, "sqs", "list-queues")["QueueUrls"]
    assert any(url.endswith("/headrace-local-inbox") for url in urls)


@soak_only
def test_the_aws_cli_should_work_unchanged(cloud: CloudProcess, tmp_path: Path) -> None:
    file = tmp_path / "hello.txt"
    file.write_text("hello")
    aws(cloud, "s3api", "create-bucket", "--bucket", "by-the-cli")
    run([str(AWS), "s3", "cp", str(file), "s3://by-the-cli/hello.txt"], cloud)
    assert "hello.txt" in run([str(AWS), "s3", "ls", "s3://by-the-cli/"], cloud)
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
        archive.writestr("main.py", "def handler(event, context):\n    return event['n'] + 1\n")
    role = "arn:aws:iam::000000000000:role/by-the-cli"
    name = ["--function-name", "by-the-cli"]
    code = ["--zip-file", f"fileb://{tmp_path / 'code.zip'}", "--handler", "main.handler"]
    settings = ["--runtime", "python3.13", "--role", role]
    aws(cloud, "lambda", "create-function", *name, *code, *settings)
    aws(cloud, "lambda", "wait", "function-active-v2", *name)
    aws(cloud, "lambda", "invoke", *name, "--payload", '{"n": 1}', str(tmp_path / "answer"))
    assert (tmp_path / "answer").read_text() == "2"
    topic = aws(cloud, "sns", "create-topic", "--name", "by-the-cli")["TopicArn"]
    assert aws(cloud, "sns", "publish", "--topic-arn", topic, "--message", "m")["MessageId"]
    definition = json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})
    machine = ["--definition", definition, "--role-arn", role, "--type", "EXPRESS"]
    made = aws(cloud, "stepfunctions", "create-state-machine", "--name", "by-the-cli", *machine)
    arn = ["--state-machine-arn", made["stateMachineArn"]]
    ended = aws(cloud, "stepfunctions", "start-sync-execution", *arn, "--input", "[1]")
    assert (ended["status"], ended["output"]) == ("SUCCEEDED", "[1]")
    aws(cloud, "lambda", "delete-function", *name)


@soak_only
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


@soak_only
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
