"""Aliases of state machines: create, update, describe, list and delete them.

An alias shares executions out between one or two versions of a state machine.
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-state-machine-alias.html
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

from localcloud.errors import AwsError
from localcloud.service import Params, Result
from localcloud.stepfunctions.operations.requests import (
    OperationGroup,
    check_arn,
    omit_none,
    paginate,
    to_datetime,
)
from localcloud.stepfunctions.store.aliases import StateMachineAlias
from localcloud.stepfunctions.store.versions import StateMachineVersion

MAX_ALIASES: Final = 100
_NAME: Final = r"^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$"


class AliasOperations(OperationGroup):
    """The operations on aliases."""

    def create_state_machine_alias(self, params: Params) -> Result:
        """Create an alias, or return the identical one that exists."""
        deps, name = self._deps, params["name"]
        _check_alias_name(name)
        description, now = params.get("description"), deps.schedule.now()
        with deps.starting:
            routes = self._routes(params["routingConfiguration"])
            machine_arn = self._version(routes[0][0]).machine_arn
            arn = f"{machine_arn}:{name}"
            found = deps.aliases.find(arn)
            if found is None:
                _check_count(deps.aliases.of_machine(machine_arn))
                found = StateMachineAlias(arn, machine_arn, name, description, routes, now, now)
                deps.aliases.put(found)
            elif (found.description, found.routes) != (description, routes):
                raise AwsError(
                    "ConflictException",
                    "Failed to create alias because an alias with the same name and a different "
                    "routing configuration already exists.",
                )
        return {"stateMachineAliasArn": arn, "creationDate": to_datetime(found.created)}

    def update_state_machine_alias(self, params: Params) -> Result:
        """Change the description or the routing configuration of an alias."""
        deps, now = self._deps, self._deps.schedule.now()
        if "description" not in params and "routingConfiguration" not in params:
            raise AwsError(
                "ValidationException",
                "Either the description or the routingConfiguration must be specified",
            )
        with deps.starting:
            found = self._alias(params["stateMachineAliasArn"])
            changed = replace(found, updated=now)
            if "description" in params:
                changed = replace(changed, description=params["description"])
            if "routingConfiguration" in params:
                routes = self._routes(params["routingConfiguration"])
                if self._version(routes[0][0]).machine_arn != found.machine_arn:
                    raise _other_machine(routes)
                changed = replace(changed, routes=routes)
            deps.aliases.put(changed)
        return {"updateDate": to_datetime(now)}

    def describe_state_machine_alias(self, params: Params) -> Result:
        """Describe an alias."""
        found = self._alias(params["stateMachineAliasArn"])
        return omit_none(
            stateMachineAliasArn=found.arn,
            name=found.name,
            description=found.description,
            routingConfiguration=[
                {"stateMachineVersionArn": arn, "weight": weight} for arn, weight in found.routes
            ],
            creationDate=to_datetime(found.created),
            updateDate=to_datetime(found.updated),
        )

    def list_state_machine_aliases(self, params: Params) -> Result:
        """List the aliases of a state machine, or those that refer to a version."""
        arn = params["stateMachineArn"]
        machine, version = self._deps.revision_of(arn)
        aliases = self._deps.aliases.of_machine(machine.machine_arn)
        if version is not None:
            aliases = [one for one in aliases if arn in dict(one.routes)]
        found, token = paginate(aliases, lambda one: one.arn, dict(params))
        shown = [
            {"stateMachineAliasArn": one.arn, "creationDate": to_datetime(one.created)}
            for one in found
        ]
        return omit_none(stateMachineAliases=shown, nextToken=token)

    def delete_state_machine_alias(self, params: Params) -> Result:
        """Delete an alias if it exists; its executions run to their end."""
        arn = params["stateMachineAliasArn"]
        check_arn(arn, "stateMachine")
        self._deps.aliases.delete(arn)
        return {}

    def _alias(self, arn: str) -> StateMachineAlias:
        check_arn(arn, "stateMachine")
        found = self._deps.aliases.find(arn)
        if found is None:
            raise _no_resource()
        return found

    def _version(self, arn: str) -> StateMachineVersion:
        found = self._deps.versions.find(arn)
        if found is None:
            raise _no_resource()
        return found

    def _routes(self, given: list[dict[str, Any]]) -> tuple[tuple[str, int], ...]:
        """Return the versions and percentages of a routing configuration.

        Raises ValidationException unless they are distinct versions of one state machine whose
        percentages make 100, and ResourceNotFound for a version that does not exist.
        """
        routes = tuple((item["stateMachineVersionArn"], item["weight"]) for item in given)
        arns = [arn for arn, _ in routes]
        for arn in arns:
            check_arn(arn, "stateMachine")
        if not all(arn.rpartition(":")[2].isdecimal() for arn in arns):
            raise _wrong_routes("must contain state machine version ARNs", arns)
        if len(set(arns)) < len(arns):
            raise _wrong_routes("must contain distinct state machine version ARNs", arns)
        weights = [weight for _, weight in routes]
        if sum(weights) != 100:
            raise AwsError(
                "ValidationException",
                f"Sum of routing configuration weights must equal 100. Received: {weights}",
            )
        if len({self._version(arn).machine_arn for arn in arns}) > 1:
            raise _other_machine(routes)
        return routes


def _check_alias_name(name: str) -> None:
    if not re.fullmatch(_NAME, name, re.ASCII):
        raise AwsError(
            "ValidationException",
            f"1 validation error detected: Value '{name}' at 'name' failed to satisfy "
            f"constraint: Member must satisfy regular expression pattern: {_NAME}",
        )


def _check_count(aliases: list[StateMachineAlias]) -> None:
    if len(aliases) >= MAX_ALIASES:
        raise AwsError(
            "ServiceQuotaExceededException",
            f"A state machine can have at most {MAX_ALIASES} aliases",
        )


def _wrong_routes(why: str, arns: list[str]) -> AwsError:
    received = f"Received: [{', '.join(arns)}]"
    return AwsError("ValidationException", f"Routing configuration {why}. {received}")


def _other_machine(routes: tuple[tuple[str, int], ...]) -> AwsError:
    return _wrong_routes("must contain versions of the same state machine", [a for a, _ in routes])


def _no_resource() -> AwsError:
    return AwsError(
        "ResourceNotFound", "Request references a resource that does not exist.", resourceName=""
    )
