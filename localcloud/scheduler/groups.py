"""The operations on schedule groups.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-group.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from localcloud.clock import Clock, utc
from localcloud.errors import AwsError
from localcloud.pagination import InvalidToken, page
from localcloud.scheduler.definitions import invalid
from localcloud.scheduler.store import DEFAULT_GROUP, ScheduleGroup, ScheduleStore
from localcloud.service import CloudContext, Params, Result

MAX_GROUPS = 500
MAX_TAGS = 50
DELETION_SECONDS = 1.0
"""How long a group is DELETING, so that nobody counts on its being gone at once."""


def check_name(name: str) -> None:
    """Raise ValidationException unless `name` is a valid name of a schedule or group."""
    if not re.fullmatch(r"[0-9a-zA-Z\-_.]{1,64}", name):
        raise invalid(f"Value '{name}' at 'name' must match [0-9a-zA-Z-_.]+, at most 64 long.")


class GroupOperations:
    """Create, get, list, tag and delete schedule groups."""

    def __init__(
        self,
        context: CloudContext,
        store: ScheduleStore,
        clock: Clock,
        on_change: Callable[[], None],
    ) -> None:
        """Operate on the groups in `store`; `on_change` is called when a deletion has begun."""
        self._clock = clock
        self._context = context
        self._store = store
        self._on_change = on_change

    def require_group(self, name: str) -> ScheduleGroup:
        """Return a group, or raise ResourceNotFoundException."""
        group = self._store.group(name)
        if group is None:
            raise AwsError(
                "ResourceNotFoundException", f"Schedule group {name} does not exist.", 404
            )
        return group

    def require_active_group(self, name: str) -> ScheduleGroup:
        """Return a group that schedules may be written in, or raise AwsError."""
        group = self.require_group(name)
        if group.deletes_at is not None:
            raise AwsError("ConflictException", f"Schedule group {name} is being deleted.", 409)
        return group

    def arn(self, name: str) -> str:
        """Return the ARN of a group."""
        return self._context.arn("scheduler", f"schedule-group/{name}")

    def create_schedule_group(self, params: Params) -> Result:
        """Create a group; a repeated ClientToken returns the group that exists."""
        name, token = params["Name"], params.get("ClientToken")
        check_name(name)
        if len(self._store.groups()) >= MAX_GROUPS:
            raise AwsError(
                "ServiceQuotaExceededException", f"At most {MAX_GROUPS} groups are allowed.", 402
            )
        tags = {tag["Key"]: tag["Value"] for tag in params.get("Tags") or []}
        _check_tags(tags)
        if not self._store.add_group(name, tags, token):
            known = self.require_group(name)
            if token is None or (known.token, known.tags) != (token, tags) or known.deletes_at:
                raise AwsError("ConflictException", f"Schedule group {name} already exists.", 409)
        return {"ScheduleGroupArn": self.arn(name)}

    def get_schedule_group(self, params: Params) -> Result:
        """Describe a group."""
        return self._group_description(self.require_group(params["Name"]))

    def _group_description(self, group: ScheduleGroup) -> dict[str, Any]:
        return {
            "Arn": self.arn(group.name),
            "Name": group.name,
            "State": "ACTIVE" if group.deletes_at is None else "DELETING",
            "CreationDate": utc(group.created_at),
            "LastModificationDate": utc(group.modified_at),
        }

    def list_schedule_groups(self, params: Params) -> Result:
        """List groups by name prefix."""
        prefix = params.get("NamePrefix", "")
        matching = [group for group in self._store.groups() if group.name.startswith(prefix)]
        try:
            groups, token = page(
                matching,
                lambda group: group.name,
                params.get("MaxResults", 100),
                params.get("NextToken"),
            )
        except InvalidToken as error:
            raise invalid(str(error)) from error
        descriptions = [self._group_description(group) for group in groups]
        return {"ScheduleGroups": descriptions, **({"NextToken": token} if token else {})}

    def delete_schedule_group(self, params: Params) -> Result:
        """Begin to delete a group with all its schedules, which fire until they are deleted."""
        group = self.require_group(params["Name"])
        if group.name == DEFAULT_GROUP:
            raise invalid("Deletion of the default schedule group is not allowed.")
        self._store.begin_group_deletion(group.name, self._clock() + DELETION_SECONDS)
        self._on_change()
        return {}

    def _tagged_group(self, params: Params) -> ScheduleGroup:
        arn = str(params["ResourceArn"])
        name = arn.rpartition("/")[2]
        if arn != self.arn(name):
            raise invalid(f"{arn} is not the ARN of a schedule group.")
        return self.require_group(name)

    def tag_resource(self, params: Params) -> Result:
        """Add or replace tags of a group."""
        group = self._tagged_group(params)
        tags = {**group.tags, **{tag["Key"]: tag["Value"] for tag in params["Tags"]}}
        _check_tags(tags)
        self._store.set_tags(group.name, tags)
        return {}

    def untag_resource(self, params: Params) -> Result:
        """Remove tags from a group."""
        group, removed_keys = self._tagged_group(params), set(params["TagKeys"])
        remaining = {key: value for key, value in group.tags.items() if key not in removed_keys}
        self._store.set_tags(group.name, remaining)
        return {}

    def list_tags_for_resource(self, params: Params) -> Result:
        """List the tags of a group."""
        tags = self._tagged_group(params).tags
        return {"Tags": [{"Key": key, "Value": value} for key, value in sorted(tags.items())]}


def _check_tags(tags: dict[str, str]) -> None:
    if len(tags) > MAX_TAGS:
        raise AwsError("ServiceQuotaExceededException", f"At most {MAX_TAGS} tags.", 402)
