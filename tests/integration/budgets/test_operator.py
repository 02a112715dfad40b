"""An operator's command, and the API that shows what it said, on a whole local cloud."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.budgets import main
from tests.cloud import CloudProcess

MODEL = "a-model-of-this-test-alone"


@pytest.fixture
def cloud_file(cloud: CloudProcess, tmp_path: Path) -> str:
    file = tmp_path / "cloud.json"
    said = {"endpoint_url": cloud.endpoint_url, "outputs": dict(cloud.outputs)}
    file.write_text(json.dumps(said))
    return str(file)


def limits_of_the_model(cloud: CloudProcess) -> list[dict[str, Any]]:
    answer = httpx.get(
        f"{cloud.endpoint_url}/v1/budgets",
        headers={"Authorization": f"Bearer {cloud.api_key}"},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    return [each for each in (*shown["dollars"], *shown["a_minute"]) if each["name"] == MODEL]


def test_should_hold_what_an_operator_says_until_it_is_taken_back(
    cloud: CloudProcess, cloud_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    whose = ["--cloud-file", cloud_file, "local", "--model", MODEL]
    assert main([*whose, "--daily", "5", "--requests", "60"]) == 0
    assert f"model {MODEL}: 5 dollars a day, in UTC" in capsys.readouterr().out
    told = limits_of_the_model(cloud)
    assert [(each["limit"], each["left"]) for each in told] == [
        ("5.000000000", "5.000000000"),
        (60, 60),
    ]
    assert main([*whose, "--daily", "stage", "--requests", "stage"]) == 0
    assert limits_of_the_model(cloud) == []
    assert main(whose) == 0


@pytest.mark.parametrize(
    ("more", "words"),
    [(["local", "--daily", "much"], "dollars_a_day"), (["nobody", "--daily", "1"], "no tenant")],
)
def test_should_say_what_is_wrong(
    cloud_file: str, more: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--cloud-file", cloud_file, *more]) == 1
    assert words in capsys.readouterr().err


def test_should_answer_usage_over_http(cloud: CloudProcess) -> None:
    answer = httpx.get(
        f"{cloud.endpoint_url}/v1/usage",
        params={"from": "2020-01-01", "to": "2020-12-31", "by": "model"},
        headers={"Authorization": f"Bearer {cloud.api_key}"},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["items"] == []
