"""Removes a stage with everything in it, in an order in which nothing is written any more once it
is taken away, and in steps that can all be taken again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.deploying import names
from infra.deploying.account import Account
from infra.deploying.artifacts import Artifacts
from infra.deploying.commands import Commands
from infra.deploying.emptying import delete_indexes, empty_bucket
from infra.deploying.failures import Stopped, unless_gone
from infra.deploying.following import show_events
from infra.deploying.inventory import Inventory, take_inventory
from infra.deploying.remains import KEY_DAYS, kept, left
from infra.deploying.sources import turn_off
from infra.deploying.stack import Event, Stack, find_stack, follow_from_now, root_causes
from infra.deploying.voice import Voice

_ROUNDS = 3
_TABLE_POLL_SECONDS = 3.0
_TABLE_POLLS = 200
"""Ten minutes; DynamoDB drops a table in seconds to minutes."""


@dataclass(frozen=True, slots=True)
class Removal:
    """The removal of one stage."""

    account: Account
    voice: Voice
    sleep: Callable[[float], None] = time.sleep

    def run(self, inventory: Inventory) -> list[str]:
        """Remove everything, and return what is left, each with the reason.

        Raises:
            Stopped: something cannot be removed; what was removed stays removed, and running it
                again goes on.
        """
        _demand_quiet(inventory, self.account.commands)
        self._unprotect(inventory)
        self._stop(inventory)
        self._empty(inventory)
        shared = self._remove_stack(inventory, inventory.stack) if inventory.stack else []
        rest = take_inventory(self.account, inventory.stage)
        self._remove_rest(rest, inventory)
        Artifacts(self.account).forget_stage(inventory.stage)
        return [*shared, *left(inventory, self.account.commands)]

    def _unprotect(self, inventory: Inventory) -> None:
        dynamodb = self.account.client("dynamodb")
        for table in inventory.tables:
            if table.is_protected:
                dynamodb.update_table(TableName=table.name, DeletionProtectionEnabled=False)
        if inventory.stack is not None and inventory.stack.is_protected:
            self.account.client("cloudformation").update_termination_protection(
                StackName=inventory.stack.id, EnableTerminationProtection=False
            )

    def _stop(self, inventory: Inventory) -> None:
        """Let no event begin anything any more, and end what runs."""
        sources = inventory.of_type("AWS::Lambda::EventSourceMapping")
        turn_off(self.account.client("lambda"), sources, self.voice, self.sleep)
        for rule in inventory.of_type("AWS::Events::Rule"):
            bus, _, name = rule.rpartition("|")
            with unless_gone():
                self.account.client("events").disable_rule(
                    Name=name, **({"EventBusName": bus} if bus else {})
                )
        stopped = 0
        for machine in inventory.of_type("AWS::StepFunctions::StateMachine"):
            with unless_gone():
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

    def _empty(self, inventory: Inventory) -> None:
        for bucket in inventory.buckets:
            total = bucket.versions + bucket.uploads
            with self.voice.counting(f"Empty {bucket.name}", total) as advance:
                empty_bucket(self.account.client("s3"), bucket.name, advance, self.sleep)
        delete_indexes(self.account.client("s3vectors"), inventory.indexes)

    def _remove_stack(self, inventory: Inventory, stack: Stack) -> list[str]:
        """Delete the stack; what was written into a bucket meanwhile is taken out again.

        Returns what the template wants kept and is not of this stage alone.
        """
        for round_ in range(1, _ROUNDS + 1):
            seen = self._delete_stack(stack, inventory)
            if find_stack(self.account.client("cloudformation"), stack.id) is None:
                return [
                    kept(each)
                    for each in seen
                    if each.status == "DELETE_SKIPPED" and each.type not in names.DATA
                ]
            if round_ < _ROUNDS:
                self._empty(take_inventory(self.account, inventory.stage))
        failed = root_causes(seen)
        why = "; ".join(f"{each.logical_id}: {each.reason}" for each in failed)
        raise Stopped(
            f"The stack {stack.name} cannot be deleted. {why or seen[-1].reason} "
            f"Mend this and run {self._again(inventory)} again; it goes on."
        )

    def _again(self, inventory: Inventory) -> str:
        return self.account.commands.headrace(f"destroy --stage {inventory.stage}")

    def _delete_stack(self, stack: Stack, inventory: Inventory) -> list[Event]:
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

    def _remove_rest(self, rest: Inventory, before: Inventory) -> None:
        """Remove what the stack retains, and what was never of it."""
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
            with unless_gone():
                self.account.client("logs").delete_log_group(logGroupName=group)
                self._remove("log group", group)

    def _remove(self, what: str, name: str) -> None:
        self.voice.line(f"Removing the {what} {name}.", "dim")

    def _remove_table(self, name: str) -> None:
        dynamodb: Any = self.account.client("dynamodb")
        with unless_gone():
            dynamodb.delete_table(TableName=name)
            for _ in range(_TABLE_POLLS):
                dynamodb.describe_table(TableName=name)
                self.sleep(_TABLE_POLL_SECONDS)
            raise Stopped(f"The table {name} is still being deleted after ten minutes.")


def _demand_quiet(inventory: Inventory, commands: Commands) -> None:
    """Raise `Stopped` where CloudFormation would refuse to delete the stack, with all emptied."""
    stack = inventory.stack
    may_go_on = ("CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS")
    if stack is not None and stack.is_busy and stack.status not in may_go_on:
        raise Stopped(
            f"The stack {stack.name} is {stack.status}; it cannot be deleted until that has ended. "
            "Nothing was removed. Wait, or stop an update: "
            + commands.aws(f"cloudformation cancel-update-stack --stack-name {stack.name}")
        )
