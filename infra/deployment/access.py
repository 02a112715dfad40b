"""First calls of a command: identify the caller and look up the stage's stack."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from infra.deployment.account import Account, Commands, identify, stack_name
from infra.deployment.failures import DeploymentError, is_unknown_caller
from infra.deployment.preflight.findings import PreflightFinding, call_failure, error
from infra.deployment.stack import Stack, find_stack
from infra.stages import Client


def find_region_off(client: Client, region: str, profile: str | None) -> PreflightFinding | None:
    """Return an error if the account has not enabled `region`; us-east-1 knows this of all.

    https://docs.aws.amazon.com/accounts/latest/reference/API_GetRegionOptStatus.html
    """
    response = client("account").get_region_opt_status(RegionName=region)
    status = response["RegionOptStatus"]
    if status.startswith("ENABLED"):
        return None
    turn_on = Commands("us-east-1", profile).aws(f"account enable-region --region-name {region}")
    return error(
        f"The region {region} is {status.lower()}",
        "Nothing can be made in a region that the account has not turned on.",
        f"{turn_on}, which takes minutes to hours; or another --region",
    )


class StageUnreachableError(DeploymentError):
    """Raised when the account or stack cannot be read; `finding` says why and what to do."""

    def __init__(self, finding: PreflightFinding) -> None:
        super().__init__(f"{finding.what}. {finding.why} {finding.fix}")
        self.finding = finding


def identify_account(client: Client, profile: str | None) -> Account:
    """Return the account of the credentials that `client` uses.

    Raises:
        StageUnreachableError: AWS does not say; if the cause is a region that is not enabled, the
            message says so.
            https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html
    """
    try:
        return identify(client, profile)
    except (BotoCoreError, ClientError) as failed:
        off = _region_off(client, profile) if is_unknown_caller(failed) else None
        raise StageUnreachableError(off or call_failure("Credentials", failed)) from failed


def find_stage(client: Client, stage: str, profile: str | None) -> tuple[Account, Stack | None]:
    """Return the account, and the stage's stack if there is one.

    Raises:
        StageUnreachableError: the account or the stack cannot be read.
    """
    account, name = identify_account(client, profile), stack_name(stage)
    try:
        return account, find_stack(client("cloudformation"), name)
    except (BotoCoreError, ClientError) as failed:
        raise StageUnreachableError(
            call_failure(f"The stack {name} cannot be looked at", failed)
        ) from failed


def _region_off(client: Client, profile: str | None) -> PreflightFinding | None:
    """Return an error for a disabled region, or None if it is enabled or us-east-1 fails."""
    try:
        return find_region_off(client, client("cloudformation").meta.region_name, profile)
    except (BotoCoreError, ClientError):
        return None
