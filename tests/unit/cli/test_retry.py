from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.conftest import Headrace
from tests.unit.cli.fake_headrace import FakeHeadrace


@pytest.fixture
def ids(headrace: Headrace, tmp_path: Path) -> dict[str, str]:
    """The ids of documents that failed, and of one that did not, by their paths."""
    for name in ("shaky-1.txt", "shaky-2.txt", "shaky-3.txt", "broken.txt", "fine.txt"):
        (tmp_path / name).write_text(name)
    files = [str(file) for file in sorted(tmp_path.glob("*.txt"))]
    return {item["path"]: item["document_id"] for item in headrace("put", *files, "--json").json}


def test_should_try_the_named_documents_and_wait_until_they_are_ready(
    headrace: Headrace, ids: dict[str, str]
) -> None:
    ended = headrace("retry", ids["shaky-1.txt"], ids["shaky-2.txt"], "--json")
    assert ended.code == 0
    assert [(item["path"], item["state"]) for item in ended.json] == [
        ("shaky-1.txt", "ready"),
        ("shaky-2.txt", "ready"),
    ]


def test_should_try_everything_that_failed_and_exit_with_1_for_what_fails_again(
    headrace: Headrace, ids: dict[str, str]
) -> None:
    ended = headrace("retry", "--failed")
    assert ended.code == 1
    assert "1 failed, 3 ready." in ended.out
    assert "broken.txt: It broke." in ended.err


def test_should_say_that_nothing_has_failed(headrace: Headrace, fake: FakeHeadrace) -> None:
    ended = headrace("retry", "--failed")
    assert (ended.code, ended.out) == (0, "No document has failed.\n")
    assert headrace("retry", "--failed", "--json").json == []


def test_should_exit_with_1_where_a_document_is_refused_and_try_the_others(
    headrace: Headrace, ids: dict[str, str]
) -> None:
    ended = headrace("retry", ids["fine.txt"], "doc_none", ids["shaky-1.txt"])
    assert ended.code == 1
    assert f"{ids['fine.txt']}: Conflict: The document is ready." in ended.err
    assert "doc_none: NotFound:" in ended.err
    assert "1 ready, 2 refused." in ended.out


def test_should_return_once_asked_when_told_not_to_wait(
    headrace: Headrace, ids: dict[str, str]
) -> None:
    ended = headrace("retry", ids["broken.txt"], "--no-wait", "--json")
    assert (ended.code, ended.json[0]["state"]) == (0, "queued")


def test_should_ask_once_though_the_request_is_tried_again(
    headrace: Headrace, fake: FakeHeadrace, ids: dict[str, str]
) -> None:
    fake.failures = [(503, {"Retry-After": "0"})]
    asked_before = len(fake.keys)
    assert headrace("retry", ids["shaky-1.txt"]).code == 0
    first, again = fake.keys[asked_before : asked_before + 2]
    assert first is not None
    assert first == again


@pytest.mark.parametrize(
    "arguments", [(), ("doc_a", "--failed"), ("doc_a", "--collection", "c")], ids=str
)
def test_should_refuse_wrong_use(headrace: Headrace, arguments: tuple[str, ...]) -> None:
    assert headrace("retry", *arguments).code == 2


def test_should_point_from_the_status_to_the_retry(headrace: Headrace, ids: dict[str, str]) -> None:
    assert "headrace retry --failed" in headrace("status").out
