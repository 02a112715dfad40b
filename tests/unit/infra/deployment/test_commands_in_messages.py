"""Commands that messages name: they can be typed as they stand."""

from __future__ import annotations

import shlex

from hypothesis import given
from hypothesis import strategies as st

from infra.deployment.account import Commands

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(NAMES, NAMES)
def test_a_shell_should_read_back_the_region_and_the_profile(region: str, profile: str) -> None:
    commands = Commands(region, profile)
    options = ["--region", region, "--profile", profile]
    for typed in (
        commands.aws("sts get-caller-identity"),
        commands.headrace("destroy --stage dev"),
        commands.tenant("dev", "main"),
    ):
        assert shlex.split(typed)[-4:] == options


def test_what_was_not_given_should_not_be_named() -> None:
    assert Commands().headrace("destroy --stage dev") == "headrace destroy --stage dev"
    assert Commands("eu-north-1").aws("sts x") == "aws sts x --region eu-north-1"
    assert Commands("eu-north-1", "ops").package("dev") == (
        "headrace package --stage dev --region eu-north-1"
    )
