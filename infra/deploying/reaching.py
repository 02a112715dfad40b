"""The first calls of a command: who calls, and how the stage's stack stands."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from infra.deploying.account import Account, identify, stack_name
from infra.deploying.account_checks import turned_off
from infra.deploying.failures import Stopped, is_unknown_caller
from infra.deploying.findings import Finding, stopping
from infra.deploying.stack import Stack, find_stack
from infra.stages import Client


class Unseen(Stopped):
    """The account or the stack cannot be seen; `finding` says why, and what to do."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(f"{finding.what}. {finding.why} {finding.fix}")
        self.finding = finding


def known(client: Client, profile: str | None) -> Account:
    """Return whose credentials `client` has.

    Raises:
        Unseen: AWS does not say; where that is for the region, which is not turned on, it says so.
            https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html
    """
    try:
        return identify(client, profile)
    except (BotoCoreError, ClientError) as failed:
        off = _region_off(client, profile) if is_unknown_caller(failed) else None
        raise Unseen(off or stopping("Credentials", failed)) from failed


def reach(client: Client, stage: str, profile: str | None) -> tuple[Account, Stack | None]:
    """Return the account, and the stage's stack if there is one.

    Raises:
        Unseen: one of them cannot be seen.
    """
    account, name = known(client, profile), stack_name(stage)
    try:
        return account, find_stack(client("cloudformation"), name)
    except (BotoCoreError, ClientError) as failed:
        raise Unseen(stopping(f"The stack {name} cannot be looked at", failed)) from failed


def _region_off(client: Client, profile: str | None) -> Finding | None:
    """Return an error for a region that is off, None where it is on or us-east-1 does not say."""
    try:
        return turned_off(client, client("cloudformation").meta.region_name, profile)
    except (BotoCoreError, ClientError):
        return None
