"""Runs of prompts by a label, divided between the arms of rollouts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.captures import subject_key
from chalicelib.errors import NotFound
from chalicelib.rollouts.arms import ArmAssignment, LiveTraffic, assign_version

if TYPE_CHECKING:
    from chalicelib.budgets.spender import Spender
    from chalicelib.contracts.prompts import PromptVersion


class PromptVersions(Protocol):
    """The versions of prompts."""

    def version(self, tenant: str, name: str, wanted: str | int) -> PromptVersion:
        """Return the version of a number, a label, or the `latest`; raise `NotFound`."""


def assign_prompt(
    prompts: PromptVersions, traffic: LiveTraffic, spender: Spender, name: str, wanted: str | int
) -> tuple[PromptVersion, ArmAssignment]:
    """Return the version of a prompt that runs, and the arm that it is of.

    A number is always that version. If a label is rolled out, some end users get the version that
    it is to point to; it is read in addition, so that others wait for nothing more. If that version
    was removed meanwhile, the label's own answers.

    Raises:
        NotFound: There is no such prompt, label or version.
    """
    live = prompts.version(spender.tenant, name, wanted)
    own = str(live.version)
    if isinstance(wanted, int):
        return live, ArmAssignment(own)
    key = subject_key("prompt", name, wanted)
    arm = assign_version(traffic, spender.tenant, key, spender.caller, own)
    if arm.version == own:
        return live, arm
    try:
        return prompts.version(spender.tenant, name, int(arm.version)), arm
    except NotFound:
        return live, ArmAssignment(own)
