"""Names of reviewers, and what is said of one that is none."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from chalicelib.contracts.labelling import ClaimItemRequest


@pytest.mark.parametrize("name", ["ann", "Ann B.", "ann@example.com", "7_a-b"])
def test_a_name_should_be_taken(name: str) -> None:
    assert ClaimItemRequest(reviewer=name).reviewer == name


@pytest.mark.parametrize("name", ["", " ann", "ann/b", "a" * 64, "ann\n"])
def test_a_bad_name_should_be_told_what_a_name_has(name: str) -> None:
    with pytest.raises(ValidationError) as raised:
        ClaimItemRequest(reviewer=name)
    (error,) = raised.value.errors()
    assert error["msg"].startswith("a reviewer's name has 1 to 63 letters of English, digits")
