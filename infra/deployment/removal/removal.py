"""Removal of a stage with everything in it.

The order ensures that nothing is written to a resource after its removal, and every step can be
repeated.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.deployment import resource_names
from infra.deployment.account import Account, Commands
from infra.deployment.artifacts import Artifacts
from infra.deployment.console import Console
from infra.deployment.failures import DeploymentError, code_of, ignore_missing, is_missing
from infra.deployment.object_deletion import empty_bucket
from infra.deployment.removal.inventory import StageInventory, VectorIndexInventory, take_inventory
from infra.deployment.removal.report import KEY_DAYS, describe_leftovers, describe_retained
from infra.deployment.removal.service_resources import (
    delete_service_resources,
    find_service_resources,
    stop_service_jobs,
)
from infra.deployment.stack import (
    Stack,
    StackEvent,
    find_stack,
    follow_from_now,
    root_causes,
    show_events,
)


def delete_indexes(vectors: Any, indexes: Iterable[VectorIndexInventory]) -> None:
    """Delete indexes with all their vectors."""
    for index in indexes:
        with ignore_missing():
            vectors.delete_index(vectorBucketName=index.bucket, indexName=index.name)


POLL_SECONDS = 3.0


MAX_POLLS = 60
"""Three minutes; Lambda takes seconds to one minute."""


_BUSY = frozenset({"ResourceConflictException", "ResourceInUseException"})
"""Error codes of Lambda while a mapping is being created, changed or deleted."""


def disable_event_sources(
    lambdas: Any, mappings: Iterable[str], voice: Console, sleep: Callable[[float], None]
) -> None:
    """Disable mappings by their UUIDs, and wait until each is disabled or gone.

    A mapping that is still busy after three minutes is reported and left: it goes with the stack.
    """
    running = list(mappings)
    for poll in range(MAX_POLLS):
        running = [uuid for uuid in running if not _is_off(lambdas, uuid)]
        if not running:
            return
        if poll < MAX_POLLS - 1:
            sleep(POLL_SECONDS)
    voice.line(
        f"warning: {len(running)} event source mappings are still not disabled: "
        f"{', '.join(running)}. What they begin from now on may fail while the stage goes.",
        "yellow",
    )


def _is_off(lambdas: Any, uuid: str) -> bool:
    """Return whether a mapping is disabled or gone; disable it if it is enabled."""
    try:
        state = lambdas.get_event_source_mapping(UUID=uuid).get("State")
        if state == "Enabled":
            state = lambdas.update_event_source_mapping(UUID=uuid, Enabled=False).get("State")
    except ClientError as failed:
        if is_missing(failed):
            return True
        if code_of(failed) not in _BUSY:
            raise
        return False
    return bool(state == "Disabled")


_ROUNDS = 3
_TABLE_POLL_SECONDS = 3.0
_TABLE_POLLS = 200
"""Ten minutes; DynamoDB drops a table in seconds to minutes."""


@dataclass(frozen=True, slots=True)
class StageRemoval:
    """The removal of one stage."""

    account: Account
    voice: Console
    sleep: Callable[[float], None] = time.sleep

    def run(self, inventory: StageInventory) -> list[str]:
        """Remove everything, and return what is left, each with the reason.

        Raises:
            DeploymentError: something cannot be removed; what was removed stays removed, and
                running the command again continues.
        """
        _require_idle_stack(inventory, self.account.commands)
        self._unprotect(inventory)
        self._stop(inventory)
        running = self._stop_service_jobs(inventory)
        self._empty(inventory)
        shared = self._remove_stack(inventory, inventory.stack) if inventory.stack else []
        rest = take_inventory(self.account, inventory.stage)
        self._remove_rest(rest, inventory)
        Artifacts(self.account).forget_stage(inventory.stage)
        left = describe_leftovers(inventory, self.account.commands)
        return [*running, *inventory.services.unseen, *shared, *left]

    def _unprotect(self, inventory: StageInventory) -> None:
        dynamodb = self.account.client("dynamodb")
        for table in inventory.tables:
            if table.is_protected:
                dynamodb.update_table(TableName=table.name, DeletionProtectionEnabled=False)
        if inventory.stack is not None and inventory.stack.is_protected:
            self.account.client("cloudformation").update_termination_protection(
                StackName=inventory.stack.id, EnableTerminationProtection=False
            )

    def _stop(self, inventory: StageInventory) -> None:
        """Disable everything that could start new work, and stop what runs."""
        sources = inventory.of_type("AWS::Lambda::EventSourceMapping")
        disable_event_sources(self.account.client("lambda"), sources, self.voice, self.sleep)
        for rule in inventory.of_type("AWS::Events::Rule"):
            bus, _, name = rule.rpartition("|")
            with ignore_missing():
                self.account.client("events").disable_rule(
                    Name=name, **({"EventBusName": bus} if bus else {})
                )
        stopped = 0
        for machine in inventory.of_type("AWS::StepFunctions::StateMachine"):
            with ignore_missing():
                stopped += self._stop_executions(machine)
        if stopped:
            self.voice.line(f"Stopped {stopped} executions.")

    def _stop_executions(self, machine: str) -> int:
        machines = self.account.client("stepfunctions")
        if machines.describe_state_machine(stateMachineArn=machine)["type"] == "EXPRESS":
            return 0
        listed = machines.get_paginator("list_executions")
        running = [
            each["executionArn"]
            for page in listed.paginate(stateMachineArn=machine, statusFilter="RUNNING")
            for each in page["executions"]
        ]
        for execution in running:
            machines.stop_execution(
                executionArn=execution, error="StageRemoved", cause="The stage is removed."
            )
        return len(running)

    def _stop_service_jobs(self, inventory: StageInventory) -> list[str]:
        """Stop jobs of Bedrock and SageMaker, those too that began since the inventory.

        They write to the stage's bucket, so that it is emptied only once they have ended.
        """
        buckets = [each.name for each in inventory.buckets]
        now = find_service_resources(self.account, inventory.stage, buckets)
        return stop_service_jobs(self.account, inventory.stage, now.jobs, self.voice, self.sleep)

    def _empty(self, inventory: StageInventory) -> None:
        for bucket in inventory.buckets:
            total = bucket.versions + bucket.uploads
            with self.voice.counting(f"Empty {bucket.name}", total) as advance:
                empty_bucket(self.account.client("s3"), bucket.name, advance, self.sleep)
        delete_indexes(self.account.client("s3vectors"), inventory.indexes)

    def _remove_stack(self, inventory: StageInventory, stack: Stack) -> list[str]:
        """Delete the stack, and empty buckets that were written to meanwhile.

        Returns:
            The resources that the template retains because other stages use them.
        """
        for round_ in range(1, _ROUNDS + 1):
            seen = self._delete_stack(stack, inventory)
            if find_stack(self.account.client("cloudformation"), stack.id) is None:
                return [
                    describe_retained(each)
                    for each in seen
                    if each.status == "DELETE_SKIPPED" and each.type not in resource_names.DATA
                ]
            if round_ < _ROUNDS:
                self._empty(take_inventory(self.account, inventory.stage))
        failed = root_causes(seen)
        why = "; ".join(f"{each.logical_id}: {each.reason}" for each in failed)
        raise DeploymentError(
            f"The stack {stack.name} cannot be deleted. {why or seen[-1].reason} "
            f"Mend this and run {self._again(inventory)} again; it goes on."
        )

    def _again(self, inventory: StageInventory) -> str:
        return self.account.commands.headrace(f"destroy --stage {inventory.stage}")

    def _delete_stack(self, stack: Stack, inventory: StageInventory) -> list[StackEvent]:
        cloudformation = self.account.client("cloudformation")
        follower = follow_from_now(cloudformation, stack.id, self.sleep)
        try:
            cloudformation.delete_stack(StackName=stack.id)
            return show_events(follower.until_gone(), len(inventory.resources), self.voice)
        except (KeyboardInterrupt, BotoCoreError, ClientError):
            self.voice.line(
                f"CloudFormation goes on deleting {stack.name}. To follow it, and to remove the "
                f"rest: {self._again(inventory)}",
                "yellow",
            )
            raise

    def _remove_rest(self, rest: StageInventory, before: StageInventory) -> None:
        """Remove what the stack retains, and what was never part of it."""
        delete_service_resources(self.account, rest.services, self.voice)
        self._empty(rest)
        for bucket in rest.buckets:
            self._remove("bucket", bucket.name)
            self.account.client("s3").delete_bucket(Bucket=bucket.name)
        for name in rest.vector_buckets:
            self._remove("vector bucket", name)
            self.account.client("s3vectors").delete_vector_bucket(vectorBucketName=name)
        for table in rest.tables:
            self._remove("table", table.name)
            self._remove_table(table.name)
        for key in sorted({*rest.keys}):
            self._remove("key", key)
            self.account.client("kms").schedule_key_deletion(
                KeyId=key, PendingWindowInDays=KEY_DAYS
            )
        for group in sorted({*rest.log_groups, *before.log_groups}):
            with ignore_missing():
                self.account.client("logs").delete_log_group(logGroupName=group)
                self._remove("log group", group)

    def _remove(self, what: str, name: str) -> None:
        self.voice.line(f"Removing the {what} {name}.", "dim")

    def _remove_table(self, name: str) -> None:
        dynamodb: Any = self.account.client("dynamodb")
        with ignore_missing():
            dynamodb.delete_table(TableName=name)
            for _ in range(_TABLE_POLLS):
                dynamodb.describe_table(TableName=name)
                self.sleep(_TABLE_POLL_SECONDS)
            raise DeploymentError(f"The table {name} is still being deleted after ten minutes.")


def _require_idle_stack(inventory: StageInventory, commands: Commands) -> None:
    """Raise `DeploymentError` if CloudFormation would refuse to delete the stack.

    This is checked before anything is emptied, so that a refusal removes nothing.
    """
    stack = inventory.stack
    may_go_on = ("CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS")
    if stack is not None and stack.is_busy and stack.status not in may_go_on:
        raise DeploymentError(
            f"The stack {stack.name} is {stack.status}; it cannot be deleted until that has ended. "
            "Nothing was removed. Wait, or stop an update: "
            + commands.aws(f"cloudformation cancel-update-stack --stack-name {stack.name}")
        )
