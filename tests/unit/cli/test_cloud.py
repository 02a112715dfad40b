from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from cli.local.cloud import CloudStartError, running_cloud, start, stop_process
from cli.local.demo import QUESTIONS, DemoError, check_answer
from cli.local.demo_invoice import ROWS, WANTED, wrong

READY = '{"endpoint_url": "http://127.0.0.1:1", "api_key": "hr_x"}'


def python(code: str) -> list[str]:
    return [sys.executable, "-u", "-c", code]


def test_should_return_the_cloud_once_it_says_that_it_is_ready(tmp_path: Path) -> None:
    code = f"import time; print('starting'); print('''{READY}'''); time.sleep(60)"
    process, cloud = start(tmp_path, python(code))
    try:
        assert (cloud.pid, cloud.endpoint_url) == (process.pid, "http://127.0.0.1:1")
    finally:
        stop_process(process)
    assert process.returncode is not None


def test_should_let_only_the_owner_read_the_key(tmp_path: Path) -> None:
    ready = tmp_path / "server.ready"
    ready.touch(mode=0o644)
    process, _ = start(tmp_path, python(f"import time; print('''{READY}'''); time.sleep(60)"))
    stop_process(process)
    assert ready.stat().st_mode & 0o077 == 0


def test_should_say_why_the_cloud_ended(tmp_path: Path) -> None:
    with pytest.raises(CloudStartError, match="code 3: the folder is in use"):
        start(tmp_path, python("import sys; sys.stderr.write('the folder is in use\\n'); exit(3)"))


def test_should_stop_a_cloud_that_does_not_get_ready(tmp_path: Path) -> None:
    with pytest.raises(CloudStartError, match="not ready"):
        start(tmp_path, python("import time; time.sleep(60)"), wait=0.2)


def test_should_not_take_another_process_for_the_cloud(tmp_path: Path) -> None:
    content = {"pid": os.getpid(), "endpoint_url": "http://127.0.0.1:1", "api_key": "hr_x"}
    (tmp_path / "cloud.json").write_text(json.dumps(content))
    assert running_cloud(tmp_path) is None


def test_should_find_no_cloud_where_there_is_none(tmp_path: Path) -> None:
    assert running_cloud(tmp_path) is None


def test_should_hold_the_demo_to_its_answers() -> None:
    assert {question.outcome for question in QUESTIONS} == {"answered", "nearest", "not_found"}
    for question in QUESTIONS:
        citation = {"quote": f"It takes\n{question.quotes}."}
        beside = {"quote": "A passage beside the answer."}
        shown = {"citations": [citation], "nearest": [{"citation": beside}]}
        if question.outcome == "nearest":
            shown = {"citations": [beside], "nearest": [{"citation": citation}]}
        right = {"outcome": question.outcome, **shown}
        check_answer(question, right)
        with pytest.raises(DemoError, match="should be"):
            check_answer(question, right | {"outcome": "other"})
        if question.quotes:
            with pytest.raises(DemoError, match="quote"):
                check_answer(question, right | {"citations": [], "nearest": []})
            swapped = {"citations": [beside], "nearest": [{"citation": citation}]}
            if question.outcome == "answered":
                with pytest.raises(DemoError, match="quote"):
                    check_answer(question, right | swapped)


def test_should_hold_the_demo_to_the_values_of_its_invoice() -> None:
    values = {**WANTED, "lines": [{}] * ROWS}
    assert wrong(values) == []
    assert wrong({**values, "delivery_date": "2025-03-17", "lines": [{}]}) == [
        "delivery_date is '2025-03-17', and should be None",
        "there are 1 lines, and should be 4",
    ]
