"""Metadata with `put`, filters with `search` and `ask`."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.documents.put import metadata_of
from cli.failures import UsageError
from tests.unit.cli.conftest import Headrace
from tests.unit.cli.fake_headrace import FakeHeadrace

FOUND: dict[str, object] = {"hits": [], "notices": [], "receipt": None}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "a.txt"
    made.write_text("alpha")
    return made


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2024", 2024),
        ("2.5", 2.5),
        ("true", True),
        ('["a", "b"]', ["a", "b"]),
        ('"2024"', "2024"),
        ("007", "007"),
        ("plain text", "plain text"),
        ("a=b", "a=b"),
        ("NaN", "NaN"),
        ("null", "null"),
        ('{"a": 1}', '{"a": 1}'),
        ("", ""),
    ],
)
def test_should_read_a_value_as_what_it_looks_like(text: str, value: object) -> None:
    assert metadata_of([f"name={text}"]) == {"name": value}


@pytest.mark.parametrize("given", [["year"], ["=2024"], ["a=1", "a=2"]])
def test_should_refuse_what_names_nothing_or_one_thing_twice(given: list[str]) -> None:
    with pytest.raises(UsageError):
        metadata_of(given)


def test_should_send_metadata_with_each_file(
    headrace: Headrace, fake: FakeHeadrace, file: Path
) -> None:
    assert headrace("put", str(file), "--meta", "year=2024", "--meta", "team=a").code == 0
    assert fake.announced == {"a.txt": {"year": 2024, "team": "a"}}


def test_should_upload_again_what_gets_other_metadata(
    headrace: Headrace, fake: FakeHeadrace, file: Path
) -> None:
    states = [
        headrace("put", str(file), *meta, "--json").json[0]["state"]
        for meta in (["--meta", "year=1"], ["--meta", "year=1"], ["--meta", "year=2"], [])
    ]
    assert states == ["ready", "unchanged", "ready", "unchanged"]
    (kept,) = fake.documents.values()
    assert kept["metadata"] == {"year": 2}


@pytest.mark.parametrize("command", ["search", "ask"])
def test_should_send_the_filter(headrace: Headrace, fake: FakeHeadrace, command: str) -> None:
    fake.answer = FOUND | {"answer": "No.", "answered": False, "citations": []}
    ended = headrace(command, "pump", "--filter", '{"path": "reports/"}')
    assert ended.code == 0
    assert fake.requests[-1][2]["filter"] == {"path": "reports/"}


@pytest.mark.parametrize("given", ["{", "[]", "path=a"])
def test_should_refuse_a_filter_that_is_no_object(headrace: Headrace, given: str) -> None:
    ended = headrace("search", "pump", "--filter", given)
    assert ended.code == 2
    assert "--filter" in ended.err
