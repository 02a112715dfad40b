"""Every kind of scheduled work that a schedule may name is done by a class, and no other."""

from __future__ import annotations

from typing import get_args

from chalicelib.contracts.schedules import Work
from functions.run_schedule.core import KINDS


def test_each_kind_of_work_should_have_one_class() -> None:
    union = get_args(Work)[0]
    named = {each.model_fields["kind"].annotation for each in get_args(union)}
    assert {get_args(kind)[0] for kind in named} == KINDS.keys()
