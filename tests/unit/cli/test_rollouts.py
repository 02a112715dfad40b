from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Headrace
from tests.unit.cli.fake_headrace import FakeHeadrace

ID = "01KB9VQ8X0D9Y6X8V7T5R3P1NM"
EVIDENCE = {
    "guard": {"metric": "errors", "margin": 0.05},
    "live": {"calls": 950, "events": 10},
    "candidate": {"calls": 50, "events": 20},
    "verdict": "worse",
}
ROLLOUT: dict[str, Any] = {
    "rollout_id": ID,
    "status": "rolled_back",
    "reason": "errors at 5 %: 20 of 50 calls.",
    "subject": {"kind": "prompt", "name": "faq", "label": "production"},
    "live": "3",
    "to": "4",
    "stage": 0,
    "stages": [{"share": 5}, {"share": 100}],
    "reports": [{"share": 5.0, "shadow": False, "evidence": [EVIDENCE]}],
}


def test_should_start_what_the_options_say(
    fake: FakeHeadrace, headrace: Headrace, tmp_path: Path
) -> None:
    smoke = tmp_path / "smoke.json"
    smoke.write_text(json.dumps([{"input": {"variables": {"q": "?"}}}]))
    fake.answer = ROLLOUT
    options = ("--stage", "shadow", "--stage", "25%:ask", "--stage", "100", "--dwell", "60")
    ended = headrace(
        *("rollouts", "start", "prompt:faq", "4", "--guard", "errors=0.1", *options),
        *("--guard", "slow:2000=0.05"),
        *("--smoke", str(smoke), "--live", "3"),
    )
    method, path, body = fake.requests[-1]
    assert (method, path) == ("POST", "/v1/rollouts")
    assert body == {
        "subject": {"kind": "prompt", "name": "faq", "label": "production"},
        "to": "4",
        "live": "3",
        "description": "",
        "guards": [
            {"metric": "errors", "margin": 0.1},
            {"metric": "slow", "margin": 0.05, "threshold_ms": 2000},
        ],
        "smoke": [{"input": {"variables": {"q": "?"}}}],
        "stages": [
            {"share": 0, "shadow": True, "dwell_seconds": 60},
            {"share": 25.0, "approval": True, "dwell_seconds": 60},
            {"share": 100.0, "dwell_seconds": 60},
        ],
    }
    assert "from 3 to 4 is rolled_back, stage 1 of 2." in ended.out
    assert "20 of 50" in ended.out


def test_should_show_the_weights_of_an_endpoint(fake: FakeHeadrace, headrace: Headrace) -> None:
    weights = {"endpoint": "own", "candidate": "next", "share": 5.0, "reason": "It is Updating."}
    fake.answer = {**ROLLOUT, "weights": weights}
    shown = headrace("rollouts", "abort", ID)
    assert "own: next has 5 % of the weight. It is Updating." in shown.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("faq", "4"), "is no subject; write prompt:NAME@LABEL"),
        (("prompt:faq", "4", "--stage", "few"), "is no stage; write shadow, or a share"),
        (("prompt:faq", "4", "--stage", "5:never"), "after a share comes :ask"),
        (("prompt:faq", "4", "--guard", "errors"), "is no guard; write METRIC=MARGIN"),
        (("prompt:faq", "4", "--guard", "slow:2s=0.1"), "such as slow:2000=0.05"),
        (("prompt:faq", "4", "--dwell", "60"), "Name the stages"),
        (("prompt:faq", "4", "--smoke", __file__), "is not JSON"),
    ],
)
def test_should_refuse_what_it_cannot_read(
    arguments: tuple[str, ...], words: str, headrace: Headrace
) -> None:
    ended = headrace("rollouts", "start", *arguments)
    assert ended.code == 1
    assert words in ended.err


def test_should_list_and_decide(fake: FakeHeadrace, headrace: Headrace) -> None:
    fake.documents["rollouts?limit=20"] = {"items": [ROLLOUT]}
    assert "prompt:faq@production" in headrace("rollouts", "list").out
    for decision in ("approve", "reject", "abort"):
        fake.answer = ROLLOUT
        headrace("rollouts", decision, ID, "--reason", "fine")
        assert fake.requests[-1] == (
            "POST",
            f"/v1/rollouts/{ID}/{decision}",
            {"reason": "fine"},
        )
