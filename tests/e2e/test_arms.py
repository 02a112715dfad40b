"""End users in the arms of a rollout over HTTP: they stay in them, whichever function answers."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.captures import CapturedCallTable
from chalicelib.adapters.records.rollouts import RolloutStops, RolloutTable
from chalicelib.contracts.captures import CaptureSubject
from chalicelib.contracts.rollouts import LivePointer, RolloutStop, Subject
from chalicelib.rollouts.assignment import assign_arm, end_user_position
from chalicelib.rollouts.records import RolloutState
from tests.cloud import CloudProcess
from tests.e2e.driving import until
from tests.e2e.tenants import Tenant, make_tenant
from tests.unit.rollouts.examples import rollout

USERS = tuple(f"account-{n}" for n in range(6))
SHORT = {"max_tokens": 4, "temperature": 0}


@pytest.fixture
def tenant(cloud: CloudProcess) -> Iterator[Tenant]:
    """A tenant of the test alone: that another has no rollout is remembered for some seconds."""
    made = make_tenant(cloud, f"arms-{secrets.token_hex(3)}")
    yield made
    made.api.close()


@dataclass
class RolledOut:
    """A rollout as its records are, with what the stage's machine would write."""

    tenant: Tenant
    subject: Subject
    live: str
    to: str
    share: float
    revision: int = 1

    def __post_init__(self) -> None:
        client = self.tenant.cloud.client("dynamodb")
        self.table = DynamoTable(client, self.tenant.cloud.outputs["RecordsTableName"])
        self.id = f"rollout-{secrets.token_hex(6)}"
        RolloutTable(self.table).create(self._state(), self._pointer())

    def set_share(self, share: float) -> None:
        self.share, self.revision = share, self.revision + 1
        assert RolloutTable(self.table).change(self._state(), self._pointer())

    def stop(self) -> None:
        stop = RolloutStop(
            tenant=self.tenant.name, rollout_id=self.id, by="guard", reason="", at=datetime.now(UTC)
        )
        RolloutStops(self.table).put(stop)

    def arm_of(self, user: str) -> str:
        """Return the arm that an end user belongs to."""
        position = end_user_position(self.id, self.tenant.name, f"user {user}")
        return assign_arm(self.share, position)

    def _pointer(self) -> LivePointer:
        return LivePointer(
            subject=self.subject,
            rollout_id=self.id,
            live=self.live,
            to=self.to,
            share=self.share,
            salt=self.id,
        )

    def _state(self) -> RolloutState:
        view = rollout(
            rollout_id=self.id,
            status="running",
            subject=self.subject,
            live=self.live,
            to=self.to,
            stage=1,
        )
        return RolloutState(tenant=self.tenant.name, rollout=view, revision=self.revision)


def generated(tenant: Tenant, user: str) -> dict[str, Any]:
    body = {"prompt": "Say: yes", "model": "nova-micro", "end_user": user, **SHORT}
    return _answer(tenant, "/v1/generations", {**body, "allow_truncation": True})


def completed(tenant: Tenant, user: str) -> dict[str, Any]:
    messages = [{"role": "user", "content": "Say: yes"}]
    body = {"messages": messages, "model": "nova-micro", "user": user, **SHORT}
    told: dict[str, Any] = _answer(tenant, "/v1/chat/completions", body)["headrace"]
    return told


def run(tenant: Tenant, user: str) -> dict[str, Any]:
    body = {"version": "production", "end_user": user}
    return _answer(tenant, "/v1/prompts/greeting/runs", body)


def _answer(tenant: Tenant, path: str, body: Mapping[str, object]) -> dict[str, Any]:
    answer = tenant.api.post(path, json=body, timeout=60)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def arm(told: Mapping[str, Any]) -> str:
    """Return the arm that a receipt names, "" for none."""
    return str(told["receipt"].get("rollout", {}).get("arm", ""))


def test_an_end_user_should_stay_in_an_arm_wherever_and_until_it_is_stopped(
    tenant: Tenant,
) -> None:
    subject = Subject(kind="model", name="nova-micro")
    rolled = RolledOut(tenant, subject, "nova-micro", "nova-lite", 50)
    expected = {user: rolled.arm_of(user) for user in USERS}
    models = {"live": "nova-micro", "candidate": "nova-lite"}
    for user in USERS:
        told = generated(tenant, user)
        assert (arm(told), told["model"]) == (expected[user], models[expected[user]])
        assert arm(completed(tenant, user)) == expected[user], "in another function, and again"
    captured = CapturedCallTable(rolled.table).calls(
        tenant.name,
        CaptureSubject(kind="model", name="nova-micro"),
        now=datetime.now(UTC) + timedelta(minutes=1),
    )
    found = [(call.rollout_id, call.arm) for call in captured]
    twice = [arm for user in USERS for arm in [expected[user]] * 2]
    assert found == [(rolled.id, each) for each in twice]
    rolled.set_share(100)
    for user in USERS:
        met = functools.partial(lambda user: arm(generated(tenant, user)) == "candidate", user)
        until(met, f"{user} did not meet the candidate", 30)
    rolled.stop()
    until(lambda: arm(generated(tenant, USERS[0])) == "", "the stop took no traffic away", 30)
    assert generated(tenant, USERS[0])["model"] == "nova-micro"


def test_runs_by_a_label_should_be_divided_until_the_label_moves_by_hand(tenant: Tenant) -> None:
    parameters = {"max_tokens": 24, "temperature": 0, "stop": [" ", "\n", "."]}
    for text in ("Repeat: yes", "Repeat: no"):
        body = {"name": "greeting", "turns": [{"template": text}], "parameters": parameters}
        saved = tenant.api.post("/v1/prompts", json=body)
        assert saved.status_code in (200, 201), saved.text
    label = "/v1/prompts/greeting/labels/production"
    assert tenant.api.put(label, json={"version": 1}).status_code == 200
    subject = Subject(kind="prompt", name="greeting", label="production")
    rolled = RolledOut(tenant, subject, "1", "2", 50)
    for user in USERS:
        ran = run(tenant, user)
        assert arm(ran) == rolled.arm_of(user)
        assert ran["version"] == {"live": 1, "candidate": 2}[arm(ran)]
    assert tenant.api.put(label, json={"version": 2}).status_code == 200
    moved = run(tenant, USERS[0])
    assert (arm(moved), moved["version"]) == ("", 2)
