"""Create, update, delete, describe, list, validate and tag state machines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.errors import AwsError, unsupported
from localcloud.service import Params, Result
from localcloud.stepfunctions.engine.execution_log import OFF, log_group_of
from localcloud.stepfunctions.integrations.registry import resource_problem
from localcloud.stepfunctions.language.validation.definition_checks import (
    MachineType,
    diagnostics,
    invalid_definition_message,
)
from localcloud.stepfunctions.language.variable_references import variable_references
from localcloud.stepfunctions.operations.requests import (
    OperationGroup,
    check_arn,
    check_name,
    omit_none,
    paginate,
    to_datetime,
)
from localcloud.stepfunctions.operations.versions import publish_version
from localcloud.stepfunctions.store.state_machines import StateMachineRevision

_BODY = ("definition", "roleArn", "type", "loggingConfiguration", "tracingConfiguration")
_SAME = ("definition", "type", "loggingConfiguration", "tracingConfiguration")
_DEFAULTS: Mapping[str, Any] = {
    "type": "STANDARD",
    "loggingConfiguration": {"level": "OFF", "includeExecutionData": False},
    "tracingConfiguration": {"enabled": False},
}
MAX_TAGS = 50


class StateMachineOperations(OperationGroup):
    """The operations on state machines.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html
    """

    def create_state_machine(self, params: Params) -> Result:
        """Create a state machine, or return the identical one that exists."""
        deps, name = self._deps, params["name"]
        _check_settings(params)
        check_name(name)
        body = {**_DEFAULTS, **{key: params[key] for key in _BODY if key in params}}
        body["loggingConfiguration"] = self._checked_logging(body["loggingConfiguration"])
        _check_definition(body["definition"], body["type"])
        tags = checked_tags(params.get("tags", []))
        arn = deps.surroundings.arn("states", f"stateMachine:{name}")
        with deps.starting:
            found = deps.machines.find(arn)
            if found is None:
                deps.machines.create(arn, name, body, deps.schedule.now(), tags)
                found = deps.machine(arn)
            elif any(found.body[key] != body[key] for key in _SAME):
                raise AwsError(
                    "StateMachineAlreadyExists", f"State Machine Already Exists: '{arn}'"
                )
            version = self._published(found, params)
        return omit_none(
            stateMachineArn=arn,
            creationDate=to_datetime(found.created),
            stateMachineVersionArn=version,
        )

    def _published(self, found: StateMachineRevision, params: Params) -> str | None:
        """Return the ARN of the version that a request publishes, if it does."""
        if not params.get("publish"):
            return None
        return publish_version(self._deps, found, params.get("versionDescription")).arn

    def update_state_machine(self, params: Params) -> Result:
        """Give a state machine a new definition, role or configuration."""
        deps, arn = self._deps, params["stateMachineArn"]
        _check_settings(params)
        found = deps.machine(arn)
        changed = {key: params[key] for key in _BODY if key in params}
        if not changed and not params.get("publish"):
            raise AwsError(
                "MissingRequiredParameter",
                "Either the definition, the role ARN, the LoggingConfiguration, the "
                "TracingConfiguration, or the EncryptionConfiguration must be specified",
            )
        if "loggingConfiguration" in changed:
            changed["loggingConfiguration"] = self._checked_logging(changed["loggingConfiguration"])
        body = {**found.body, **changed}
        _check_definition(body["definition"], body["type"])
        now = deps.schedule.now()
        with deps.starting:
            if body != found.body:
                deps.machines.update(arn, body, deps.new_id(), now)
            found = deps.machine(arn)
            version = self._published(found, params)
        return omit_none(
            updateDate=to_datetime(now),
            revisionId=found.revision_id,
            stateMachineVersionArn=version,
        )

    def delete_state_machine(self, params: Params) -> Result:
        """Delete a state machine if it exists; its executions run to their end."""
        check_arn(params["stateMachineArn"], "stateMachine")
        self._deps.machines.delete(params["stateMachineArn"])
        return {}

    def describe_state_machine(self, params: Params) -> Result:
        """Describe the present revision of a state machine, or a version."""
        found, version = self._deps.revision_of(params["stateMachineArn"])
        shown = {
            **describe_revision(found, with_data=params.get("includedData") != "METADATA_ONLY"),
            "status": "ACTIVE",
            "type": found.body["type"],
            "creationDate": to_datetime(found.created),
        }
        if version is None:
            return shown
        return shown | omit_none(
            stateMachineArn=version.arn,
            creationDate=to_datetime(version.created),
            description=version.description,
        )

    def list_state_machines(self, params: Params) -> Result:
        """List the state machines by name."""
        found, token = paginate(self._deps.machines.all(), lambda one: one.name, dict(params))
        shown = [
            {
                "stateMachineArn": one.machine_arn,
                "name": one.name,
                "type": one.body["type"],
                "creationDate": to_datetime(one.created),
            }
            for one in found
        ]
        return omit_none(stateMachines=shown, nextToken=token)

    def validate_state_machine_definition(self, params: Params) -> Result:
        """Return the diagnostics of a definition."""
        findings = diagnostics(
            params["definition"], params.get("type", "STANDARD"), resource_problem
        )
        if params.get("severity", "ERROR") == "ERROR":
            findings = [one for one in findings if one.severity == "ERROR"]
        limit = params.get("maxResults") or 100
        failed = any(one.severity == "ERROR" for one in findings)
        return {
            "result": "FAIL" if failed else "OK",
            "diagnostics": [
                omit_none(
                    severity=one.severity,
                    code=one.code,
                    message=one.message,
                    location=one.location,
                )
                for one in findings[:limit]
            ],
            "truncated": len(findings) > limit,
        }

    def tag_resource(self, params: Params) -> Result:
        """Add tags to a state machine or an activity."""
        arn = self._taggable(params["resourceArn"])
        checked_tags(params["tags"], self._deps.machines.tags(arn))
        self._deps.machines.tag(arn, checked_tags(params["tags"]))
        return {}

    def untag_resource(self, params: Params) -> Result:
        """Remove tags from a state machine or an activity."""
        self._deps.machines.untag(self._taggable(params["resourceArn"]), params["tagKeys"])
        return {}

    def list_tags_for_resource(self, params: Params) -> Result:
        """List the tags of a state machine or an activity."""
        tags = self._deps.machines.tags(self._taggable(params["resourceArn"]))
        return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}

    def _checked_logging(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a logging configuration with its defaults.

        Raises InvalidLoggingConfiguration unless it names one log group, which exists. The level
        OFF needs none.
        """
        configuration = {"level": OFF, "includeExecutionData": False, **given}
        destinations = configuration.get("destinations") or []
        if len(destinations) > 1 or (configuration["level"] != OFF and not destinations):
            raise _invalid_logging("Must specify exactly one Log Destination.")
        if destinations and not self._has_log_group(log_group_of(configuration)):
            raise _invalid_logging("Log Destination not found.")
        return configuration

    def _has_log_group(self, name: str | None) -> bool:
        if name is None:
            return False
        logs = self._deps.clients("logs", "")
        groups = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        return any(group["logGroupName"] == name for group in groups)

    def _taggable(self, arn: str) -> str:
        check_arn(arn)
        deps = self._deps
        if deps.machines.find(arn) is None and deps.activities.find(arn) is None:
            raise AwsError("ResourceNotFound", f"Resource not found: '{arn}'", resourceName=arn)
        return arn


def _invalid_logging(why: str) -> AwsError:
    return AwsError("InvalidLoggingConfiguration", f"Invalid Logging Configuration: {why}")


def describe_revision(found: StateMachineRevision, *, with_data: bool) -> dict[str, Any]:
    """Return the members that both descriptions of a state machine have in common."""
    shown = omit_none(
        encryptionConfiguration={"type": "AWS_OWNED_KEY"},
        stateMachineArn=found.machine_arn,
        name=found.name,
        roleArn=found.body["roleArn"],
        loggingConfiguration=found.body["loggingConfiguration"],
        tracingConfiguration=found.body["tracingConfiguration"],
        revisionId=found.revision_id,
    )
    return {**shown, **definition_members(found.body["definition"])} if with_data else shown


def definition_members(definition: str) -> dict[str, Any]:
    """Return the members that show a definition: the text, and the variables that states read."""
    return omit_none(
        definition=definition, variableReferences=variable_references(definition) or None
    )


def _check_settings(params: Params) -> None:
    if "versionDescription" in params and not params.get("publish"):
        raise AwsError(
            "ValidationException", "Version description can only be set when publish is true"
        )
    if params.get("encryptionConfiguration", {}).get("type", "AWS_OWNED_KEY") != "AWS_OWNED_KEY":
        raise unsupported("stepfunctions", "customer managed keys")


def _check_definition(definition: str, machine_type: MachineType) -> None:
    message = invalid_definition_message(diagnostics(definition, machine_type, resource_problem))
    if message is not None:
        raise AwsError("InvalidDefinition", message)


def checked_tags(
    given: list[dict[str, str]], there: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return tags by key.

    Raises TooManyTags if they and those `there` are more than 50, and ValidationException for a
    key of AWS's own.
    https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html
    """
    tags = {tag["key"]: tag["value"] for tag in given}
    reserved = [key for key in tags if key.lower().startswith("aws:")]
    if reserved:
        raise AwsError(
            "ValidationException", f"Tag keys that begin with aws: are reserved: {reserved[0]}"
        )
    if len({*tags, *(there or {})}) > MAX_TAGS:
        raise AwsError("TooManyTags", f"A resource can have at most {MAX_TAGS} tags")
    return tags
