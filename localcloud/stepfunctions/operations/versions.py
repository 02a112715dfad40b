"""Versions of state machines: publish, list and delete them.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-state-machine-version.html
"""

from __future__ import annotations

from localcloud.errors import AwsError
from localcloud.service import Params, Result
from localcloud.stepfunctions.operations.requests import (
    OperationGroup,
    StepFunctionsDeps,
    check_arn,
    omit_none,
    paginate,
    to_datetime,
)
from localcloud.stepfunctions.store.state_machines import StateMachineRevision
from localcloud.stepfunctions.store.versions import StateMachineVersion

MAX_VERSIONS = 1000
_INITIAL = "INITIAL"
"""The id of the first revision in PublishStateMachineVersion, which has none."""


class VersionOperations(OperationGroup):
    """The operations on versions."""

    def publish_state_machine_version(self, params: Params) -> Result:
        """Publish the present revision, or return the version that it has."""
        deps = self._deps
        with deps.starting:
            found = deps.machine(params["stateMachineArn"])
            wanted, current = params.get("revisionId"), found.revision_id or _INITIAL
            if wanted is not None and wanted != current:
                raise AwsError(
                    "ConflictException",
                    f"Failed to publish the State Machine version for revision {wanted}. "
                    f"The current State Machine revision is {current}.",
                )
            version = publish_version(deps, found, params.get("description"))
        return {
            "stateMachineVersionArn": version.arn,
            "creationDate": to_datetime(version.created),
        }

    def list_state_machine_versions(self, params: Params) -> Result:
        """List the versions of a state machine, newest first."""
        arn = params["stateMachineArn"]
        check_arn(arn, "stateMachine")
        versions = self._deps.versions.of_machine(arn)
        found, token = paginate(versions, lambda one: one.arn, dict(params))
        shown = [
            {"stateMachineVersionArn": one.arn, "creationDate": to_datetime(one.created)}
            for one in found
        ]
        return omit_none(stateMachineVersions=shown, nextToken=token)

    def delete_state_machine_version(self, params: Params) -> Result:
        """Delete a version if it exists; its executions run to their end.

        Raises ConflictException while an alias refers to it.
        """
        arn, deps = params["stateMachineVersionArn"], self._deps
        check_arn(arn, "stateMachine")
        with deps.starting:
            aliases = deps.aliases.of_machine(arn.rpartition(":")[0])
            names = [one.name for one in aliases if arn in dict(one.routes)]
            if names:
                raise AwsError(
                    "ConflictException",
                    "Version to be deleted must not be referenced by an alias. Current list of "
                    f"aliases referencing this version: [{', '.join(names)}]",
                )
            deps.versions.delete(arn)
        return {}


def publish_version(
    deps: StepFunctionsDeps, found: StateMachineRevision, description: str | None
) -> StateMachineVersion:
    """Publish a revision, or return the version that it has.

    Raises ServiceQuotaExceededException beyond a thousand versions. The caller holds
    `deps.starting`.
    """
    versions = deps.versions.of_machine(found.machine_arn)
    for version in versions:
        if version.revision == found.number:
            return version
    if len(versions) >= MAX_VERSIONS:
        raise AwsError(
            "ServiceQuotaExceededException",
            f"A state machine can have at most {MAX_VERSIONS} versions",
        )
    now = deps.schedule.now()
    return deps.versions.publish(found.machine_arn, found.number, description, now)
