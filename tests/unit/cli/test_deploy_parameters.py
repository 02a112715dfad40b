"""What `--parameter` takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.failures import UsageError
from cli.stage.deploy import parameters_of

NAMES = st.text(st.characters(exclude_characters="="), min_size=1)


@given(st.dictionaries(NAMES, st.text()))
def test_names_and_values_come_back_as_they_were_given(wanted: dict[str, str]) -> None:
    assert parameters_of([f"{name}={value}" for name, value in wanted.items()]) == wanted


@given(NAMES, st.text(), st.text())
def test_a_name_that_is_given_twice_is_refused(name: str, one: str, other: str) -> None:
    with pytest.raises(UsageError, match="twice"):
        parameters_of([f"{name}={one}", f"{name}={other}"])


@given(NAMES)
def test_a_name_alone_and_a_value_alone_are_refused(text: str) -> None:
    for given_ in (text, f"={text}"):
        with pytest.raises(UsageError, match="write NAME=VALUE"):
            parameters_of([given_])
