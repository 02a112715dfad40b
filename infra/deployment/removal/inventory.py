"""Inventory of a stage in an account.

Resources are found by the stage's stack, by the names that the template gives, and by its tag, so
that leftovers of an earlier removal are found, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra.deployment import resource_names
from infra.deployment.account import Account, stack_name
from infra.deployment.failures import is_missing
from infra.deployment.plan import STAGE_TAG
from infra.deployment.removal.service_resources import ServiceInventory, find_service_resources
from infra.deployment.resource_names import named_resources, template_scope
from infra.deployment.stack import Stack, find_stack
from infra.synthesis.sources import read_sources

PROJECT = Path(__file__).parents[3]
MOST_COUNTED = 1_000_000
"""Vectors of one index beyond which the rest is not counted: a thousand calls."""


@dataclass(frozen=True, slots=True)
class StackResource:
    """A resource of the stack, with its physical id."""

    logical_id: str
    type: str
    physical_id: str


@dataclass(frozen=True, slots=True)
class BucketInventory:
    """A bucket: its objects, their versions and delete markers, bytes, and open uploads."""

    name: str
    objects: int
    versions: int
    bytes: int
    uploads: int


@dataclass(frozen=True, slots=True)
class TableInventory:
    """A table; DynamoDB updates its record count about every six hours."""

    name: str
    records: int
    is_protected: bool


@dataclass(frozen=True, slots=True)
class VectorIndexInventory:
    """An index of vectors, of which at most `MOST_COUNTED` are counted."""

    bucket: str
    name: str
    vectors: int


@dataclass(frozen=True, slots=True)
class StageInventory:
    """All resources of a stage."""

    stage: str
    stack: Stack | None
    resources: Sequence[StackResource]
    buckets: Sequence[BucketInventory]
    tables: Sequence[TableInventory]
    vector_buckets: Sequence[str]
    indexes: Sequence[VectorIndexInventory]
    keys: Sequence[str]
    log_groups: Sequence[str]
    services: ServiceInventory

    @property
    def is_empty(self) -> bool:
        """Return whether the stage has no resources."""
        stores = (self.buckets, self.tables, self.vector_buckets, self.keys, self.log_groups)
        return self.stack is None and not any(stores) and self.services.is_empty

    def of_type(self, kind: str) -> list[str]:
        """Return the physical ids of the stack's resources of one type."""
        return [each.physical_id for each in self.resources if each.type == kind]


def take_inventory(account: Account, stage: str) -> StageInventory:
    """Collect everything that the stage has; count objects and vectors one by one."""
    cloudformation = account.client("cloudformation")
    stack = find_stack(cloudformation, stack_name(stage))
    resources = list(_resources(cloudformation, stack)) if stack else []
    known = _names(account, stage, resources)
    vector_buckets = [
        name for name in known[resource_names.VECTOR_BUCKET] if _vector_bucket_is(account, name)
    ]
    return StageInventory(
        stage=stage,
        stack=stack,
        resources=resources,
        buckets=list(_present(_bucket(account, name) for name in known[resource_names.BUCKET])),
        tables=list(_present(_table(account, name) for name in known[resource_names.TABLE])),
        vector_buckets=vector_buckets,
        indexes=[index for name in vector_buckets for index in _indexes(account, name)],
        keys=_keys(account, stage, resources),
        log_groups=sorted(_log_groups(account, stage, known[resource_names.LOG_GROUP], resources)),
        services=find_service_resources(account, stage, known[resource_names.BUCKET]),
    )


def _resources(cloudformation: Any, stack: Stack) -> Iterator[StackResource]:
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack.id)
    for page in pages:
        for each in page["StackResourceSummaries"]:
            physical_id = each.get("PhysicalResourceId")
            if physical_id and each.get("ResourceStatus") != "DELETE_COMPLETE":
                yield StackResource(each["LogicalResourceId"], each["ResourceType"], physical_id)


def _names(
    account: Account, stage: str, resources: Sequence[StackResource]
) -> dict[str, list[str]]:
    """Return resource names by type: those that the template gives, and those of the stack."""
    template = read_sources(PROJECT)
    scope = template_scope(template, {"Stage": stage}, account)
    names: dict[str, set[str]] = {
        kind: set() for kind in (*resource_names.DATA, resource_names.LOG_GROUP)
    }
    for each in named_resources(template, scope, every=True):
        names.setdefault(each.type, set()).add(each.name)
    for resource in resources:
        if resource.type in names:
            names[resource.type].add(resource.physical_id.rpartition(":bucket/")[2])
    return {kind: sorted(given) for kind, given in names.items()}


def _present(found: Iterable[Any]) -> Iterator[Any]:
    return (each for each in found if each is not None)


def _bucket(account: Account, name: str) -> BucketInventory | None:
    s3 = account.client("s3")
    objects = versions = size = 0
    try:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
            versions += len(page.get("Versions", [])) + len(page.get("DeleteMarkers", []))
            objects += sum(each["IsLatest"] for each in page.get("Versions", []))
            size += sum(each["Size"] for each in page.get("Versions", []))
        pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket=name)
        uploads = sum(len(page.get("Uploads", [])) for page in pages)
    except ClientError as failed:
        _raise_unless_gone(failed)
        return None
    return BucketInventory(name, objects, versions, size, uploads)


def _table(account: Account, name: str) -> TableInventory | None:
    try:
        table = account.client("dynamodb").describe_table(TableName=name)["Table"]
    except ClientError as failed:
        _raise_unless_gone(failed)
        return None
    if table["TableStatus"] == "DELETING":
        return None
    return TableInventory(
        name, table.get("ItemCount", 0), table.get("DeletionProtectionEnabled", False)
    )


def _vector_bucket_is(account: Account, name: str) -> bool:
    try:
        account.client("s3vectors").get_vector_bucket(vectorBucketName=name)
    except ClientError as failed:
        _raise_unless_gone(failed)
        return False
    return True


def _indexes(account: Account, bucket: str) -> Iterator[VectorIndexInventory]:
    vectors = account.client("s3vectors")
    for page in vectors.get_paginator("list_indexes").paginate(vectorBucketName=bucket):
        for each in page["indexes"]:
            name = each["indexName"]
            yield VectorIndexInventory(bucket, name, _count(vectors, bucket, name))


def _count(vectors: Any, bucket: str, index: str) -> int:
    count = 0
    listed = vectors.get_paginator("list_vectors")
    for page in listed.paginate(vectorBucketName=bucket, indexName=index, maxResults=1000):
        count += len(page["vectors"])
        if count >= MOST_COUNTED:
            break
    return count


def _keys(account: Account, stage: str, resources: Sequence[StackResource]) -> list[str]:
    """Return the ids of the stage's own KMS keys that are not scheduled for deletion."""
    tagged = (
        account.client("resourcegroupstaggingapi")
        .get_paginator("get_resources")
        .paginate(
            TagFilters=[{"Key": STAGE_TAG, "Values": [stage]}], ResourceTypeFilters=["kms:key"]
        )
    )
    ids = {
        each["ResourceARN"].rpartition("/")[2]
        for page in tagged
        for each in page["ResourceTagMappingList"]
    }
    ids |= {each.physical_id for each in resources if each.type == resource_names.KEY}
    kms = account.client("kms")
    return sorted(key for key in ids if _key_stands(kms, key))


def _key_stands(kms: Any, key: str) -> bool:
    try:
        state = kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"]
    except ClientError as failed:
        _raise_unless_gone(failed)
        return False
    return bool(state != "PendingDeletion")


def _log_groups(
    account: Account, stage: str, given: Sequence[str], resources: Sequence[StackResource]
) -> Iterator[str]:
    """Yield the log groups that the template names, and those that AWS creates by itself."""
    apis = [each.physical_id for each in resources if each.type == "AWS::ApiGateway::RestApi"]
    prefixes = [f"/aws/lambda/headrace-{stage}-", f"/headrace/{stage}/"]
    prefixes += [f"API-Gateway-Execution-Logs_{api}/" for api in apis]
    logs = account.client("logs")
    names: set[str] = set()
    for prefix in (*given, *prefixes):
        pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
        for group in (each["logGroupName"] for page in pages for each in page["logGroups"]):
            if group == prefix or prefix in prefixes:
                names.add(group)
    yield from names


def _raise_unless_gone(failed: ClientError) -> None:
    """Raise `failed` again unless it says that the resource does not exist."""
    if not is_missing(failed):
        raise failed
