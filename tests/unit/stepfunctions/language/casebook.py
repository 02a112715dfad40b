"""Conformance cases: JSON files whose every case names the page that documents it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

_FOLDER = Path(__file__).parent / "cases"
_GUIDE = "https://docs.aws.amazon.com/step-functions/latest/dg/"


def book(name: str) -> dict[str, Any]:
    """Return one file, with what its cases share."""
    read: dict[str, Any] = json.loads((_FOLDER / f"{name}.json").read_text("utf-8"))
    return read


def cases(name: str) -> list[Any]:
    """Return the cases of one file; an id is the page (of the Developer Guide) and a name."""
    read = book(name)
    assert read["page"].startswith("https://")
    return [
        pytest.param(case, id=f"{_short(case.get('page', read['page']))}:{case['id']}")
        for case in read["cases"]
    ]


def _short(page: str) -> str:
    return page.removeprefix(_GUIDE).removesuffix(".html")
