from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from tests.unit.cli.fake_headrace import KEY, FakeHeadrace, serving


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Headrace = Callable[..., Ended]


@pytest.fixture
def fake() -> Iterator[FakeHeadrace]:
    with serving(FakeHeadrace()) as running:
        yield running


@pytest.fixture
def headrace(
    fake: FakeHeadrace,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Headrace:
    """Run the command against the fake."""
    monkeypatch.setenv("HEADRACE_ENDPOINT", fake.url)
    monkeypatch.setenv("HEADRACE_API_KEY", KEY)
    monkeypatch.setenv("HEADRACE_DATA_DIR", str(tmp_path / "data"))

    def call(*arguments: str) -> Ended:
        code = run(arguments)
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return call
