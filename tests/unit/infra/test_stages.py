"""How the commands of an operator reach AWS."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra import stages


def test_every_client_waits_and_tries_again_within_bounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    client = stages.client_factory("eu-central-1")
    for service in ("cloudformation", "s3", "s3vectors"):
        config = client(service).meta.config
        assert (config.connect_timeout, config.read_timeout) == (5, 60)
        assert config.retries == {"mode": "standard", "total_max_attempts": 5}
        assert client(service).meta.region_name == "eu-central-1"
    assert client("s3") is client("s3")


BOTH = {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-west-2"}


@pytest.mark.parametrize(
    ("given", "environment", "expected"),
    [
        (
            "eu-north-1",
            {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-west-2"},
            "eu-north-1",
        ),
        (None, BOTH, "eu-west-1"),
        (None, {"AWS_REGION": "", "AWS_DEFAULT_REGION": "us-west-2"}, "us-west-2"),
        (None, {"AWS_DEFAULT_REGION": "us-west-2"}, "us-west-2"),
    ],
)
def test_the_region_is_the_one_that_headrace_package_and_the_aws_cli_take(
    monkeypatch: pytest.MonkeyPatch,
    given: str | None,
    environment: dict[str, str],
    expected: str,
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    for name, value in {**credentials, **environment}.items():
        monkeypatch.setenv(name, value)

    assert stages.client_factory(given)("cloudformation").meta.region_name == expected


def test_a_local_cloud_is_found_by_its_file(tmp_path: Path) -> None:
    file = tmp_path / "cloud.json"
    said = {"endpoint_url": "http://127.0.0.1:9", "outputs": {"RecordsTableName": "r"}}
    file.write_text(json.dumps(said))

    place = stages.connect(None, file)

    assert place.outputs == {"RecordsTableName": "r"}
    assert place.client("dynamodb").meta.endpoint_url == "http://127.0.0.1:9"


@pytest.mark.parametrize("content", ["", "{}", "[]"])
def test_what_is_no_such_file_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "cloud.json"
    file.write_text(content)
    with pytest.raises(ValueError, match="is no running local cloud's file"):
        stages.connect(None, file)
