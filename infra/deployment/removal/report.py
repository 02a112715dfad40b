"""Reports of what a removal will delete, and of what AWS keeps afterwards."""

from __future__ import annotations

from collections.abc import Iterator

from infra.deployment.account import Commands
from infra.deployment.console import Console
from infra.deployment.removal.inventory import StageInventory
from infra.deployment.stack import StackEvent

KEY_DAYS = 30
"""Days that KMS keeps a key which is to be deleted: the most, and what the template says, too."""


def show_inventory(inventory: StageInventory, voice: Console) -> None:
    """Print what will be removed, with counts."""
    rows: list[tuple[str, str, str]] = []
    if inventory.stack is not None:
        count = f"{len(inventory.resources)} resources, {inventory.stack.status}"
        rows.append(("stack", inventory.stack.name, count))
    for bucket in inventory.buckets:
        count = (
            f"{bucket.objects} objects in {bucket.versions} versions, {bucket.bytes:,} bytes, "
            f"{bucket.uploads} unfinished uploads"
        )
        rows.append(("bucket", bucket.name, count))
    for table in inventory.tables:
        count = f"about {table.records} records"
        rows.append(("table", table.name, count + (", protected" if table.is_protected else "")))
    for name in inventory.vector_buckets:
        count = f"{sum(each.bucket == name for each in inventory.indexes)} indexes"
        rows.append(("vector bucket", name, count))
    rows += [("index", each.name, f"{each.vectors} vectors") for each in inventory.indexes]
    rows += [("key", each, f"ends in {KEY_DAYS} days") for each in inventory.keys]
    rows += [("log group", each, "") for each in inventory.log_groups]
    services = inventory.services
    rows += [
        (each.kind, each.name, f"{each.status}, billed until it ends") for each in services.jobs
    ]
    rows += [(each.kind, each.name, each.status) for each in services.hosted]
    rows += [("secret", name, "the key of an added model") for name in services.secrets]
    rows += [
        ("model package group", each.name, f"{len(each.versions)} versions")
        for each in services.groups
    ]
    voice.table(("what", "name", "holds"), rows)
    for each in services.unseen:
        voice.line(f"warning: {each}", "yellow")


def describe_retained(event: StackEvent) -> str:
    """Return a line about a retained resource that other stages use."""
    return (
        f"{event.type} {event.physical_id}: it is of the account, and other stages and APIs may "
        "use it."
    )


def describe_leftovers(removed: StageInventory, commands: Commands) -> Iterator[str]:
    """Yield what AWS keeps of a removed stage, why, and for how long.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/PointInTimeRecovery_Howitworks.html
    https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html
    """
    if removed.stack is not None:
        yield (
            "Logs of jobs in /aws/sagemaker/TrainingJobs, ProcessingJobs and TransformJobs, if "
            f"any ran: streams that begin with headrace-{removed.stage}- in groups of the account. "
            "CloudWatch keeps them until they are deleted, $0.03 a GB a month. Records of ended "
            "jobs stay in Bedrock and SageMaker, which cannot delete them, and cost nothing."
        )
    for table in removed.tables:
        yield (
            f"A system backup of the table {table.name}: DynamoDB makes one when a table with "
            "point-in-time recovery is deleted, and keeps it for 35 days, free of charge."
        )
    for key in removed.keys:
        yield (
            f"The key {key}, disabled: KMS deletes it after {KEY_DAYS} days, and charges nothing "
            f"for it until then. {commands.aws(f'kms cancel-key-deletion --key-id {key}')} "
            "takes it back."
        )
    if removed.stack is not None:
        yield (
            f"What CloudFormation tells of {removed.stack.id}: its events, for 90 days; metrics "
            "and traces of the stage, until CloudWatch (15 months) and X-Ray (30 days) drop them."
        )
