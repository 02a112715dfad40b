from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.api.cursors import read_cursor, write_cursor
from chalicelib.errors import InvalidInput

FILTERS = {"collection": None, "status": "ready"}
ID = "doc_" + "a1" * 12


def test_should_read_what_it_wrote() -> None:
    assert read_cursor(write_cursor(ID, FILTERS), FILTERS) == ID


def test_should_refuse_other_filters() -> None:
    with pytest.raises(InvalidInput, match="other filters"):
        read_cursor(write_cursor(ID, FILTERS), {"collection": "x", "status": "ready"})


@given(st.text(max_size=600) | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_should_refuse_garbage_as_wrong_input(garbage: str) -> None:
    with pytest.raises(InvalidInput):
        read_cursor(garbage, FILTERS)


@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner)))
def test_should_refuse_other_json_as_wrong_input(value: object) -> None:
    for content in (value, {"after": value, "of": value}):
        cursor = base64.urlsafe_b64encode(json.dumps(content).encode()).decode()
        with pytest.raises(InvalidInput):
            read_cursor(cursor, FILTERS)
