"""A state machine service in a test's hands: manual time, counted identifiers, fake clients."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from localcloud.errors import AwsError
from localcloud.service import CloudContext
from localcloud.stepfunctions import StepFunctionsService
from localcloud.stepfunctions.integrations.integration import ClientFactory, RoleClients
from tests.clients import client
from tests.unit.stepfunctions.manual_scheduler import ManualScheduler

ROLE = "arn:aws:iam::000000000000:role/states"
MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:machine"
Answer = Callable[[dict[str, Any]], dict[str, Any]]


class FakeClient:
    """Answers calls of one service with what the test gave, and keeps them.

    It has the real client's model, so that shapes and error names are the service's own.
    """

    def __init__(self, service: str, answers: Mapping[str, Answer], calls: list[Any]) -> None:
        self.meta = client(service, config=Config(retries={"max_attempts": 0})).meta
        self._answers = answers
        self._calls = calls
        self._service = service

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        answer = self._answers[f"{self._service}.{operation}"]

        def call(**params: Any) -> dict[str, Any]:
            self._calls.append((f"{self._service}.{operation}", params))
            metadata = {"HTTPStatusCode": 200, "RequestId": "request-1", "HTTPHeaders": {}}
            return {"ResponseMetadata": metadata, **answer(params)}

        return call


def aws_error(code: str, message: str, status: int = 400) -> ClientError:
    metadata = {"HTTPStatusCode": status, "RequestId": "request-1", "HTTPHeaders": {}}
    response: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}
    return ClientError(response, "Operation")


def refusal(call: Callable[[], Any]) -> tuple[str, str]:
    """Return the code and the message of the error that `call` must raise."""
    with pytest.raises(AwsError) as caught:
        call()
    return caught.value.code, caught.value.message


class Bench:
    """The service on a folder. `answers` maps `service.operation` to what answers it."""

    opened: ClassVar[list[Bench]] = []

    def __init__(
        self,
        folder: Path,
        answers: Mapping[str, Answer] | None = None,
        *,
        steps_per_commit: int = 50,
    ) -> None:
        self.folder = folder
        self.schedule = ManualScheduler()
        self.answers: dict[str, Answer] = dict(answers or {})
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.published: list[dict[str, Any]] = []
        self._clients: dict[str, FakeClient] = {}
        self.clients: ClientFactory = self._fake
        self._numbers = itertools.count(1)
        self._steps = steps_per_commit
        self.jitter = 0.5
        self.service = self._open()
        self.opened.append(self)

    def _open(self) -> StepFunctionsService:
        surroundings = CloudContext(self.folder, "http://127.0.0.1:0")
        return StepFunctionsService(
            surroundings,
            RoleClients(self.clients),
            self.published.append,
            schedule=self.schedule,
            random=lambda: self.jitter,
            new_id=lambda: f"00000000-0000-0000-0000-{next(self._numbers):012d}",
            steps_per_commit=self._steps,
        )

    def _fake(self, service: str, role_arn: str) -> Any:
        if service == "stepfunctions":
            return _OwnClient(self, FakeClient(service, {}, self.calls))
        if service not in self._clients:
            self._clients[service] = FakeClient(service, self.answers, self.calls)
        return self._clients[service]

    def restart(self) -> None:
        """Drop the service as a kill would, and open the folder anew."""
        self.service.stop()
        self.schedule = ManualScheduler(self.schedule.now())
        self.service = self._open()
        self.service.start()

    def restart_with(self, clients: ClientFactory) -> None:
        """Restart with other clients."""
        self.clients = clients
        self.restart()

    def create(self, definition: Mapping[str, Any], name: str = "machine", **more: Any) -> str:
        given = {"name": name, "roleArn": ROLE, "definition": json.dumps(definition), **more}
        return str(self.service.create_state_machine(given)["stateMachineArn"])

    def begin(
        self,
        definition: Mapping[str, Any],
        value: Any = None,
        *,
        name: str = "execution",
        machine: str = "machine",
    ) -> str:
        arn = self.create(definition, machine)
        params = {"stateMachineArn": arn, "name": name}
        if value is not None:
            params["input"] = json.dumps(value)
        return str(self.service.start_execution(params)["executionArn"])

    def run(self, definition: Mapping[str, Any], value: Any = None) -> dict[str, Any]:
        """Run an execution to its end and describe it."""
        return self.finish(self.begin(definition, value))

    def finish(self, arn: str) -> dict[str, Any]:
        self.schedule.run_while(lambda: self.status(arn) == "RUNNING")
        self.schedule.settle()
        return self.describe(arn)

    def describe(self, arn: str) -> dict[str, Any]:
        return dict(self.service.describe_execution({"executionArn": arn}))

    def status(self, arn: str) -> str:
        return str(self.describe(arn)["status"])

    def output(self, arn: str) -> Any:
        described = self.describe(arn)
        assert described["status"] == "SUCCEEDED", described
        return json.loads(described["output"])

    def events(self, arn: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        token = None
        while True:
            params: dict[str, Any] = {"executionArn": arn, "maxResults": 1000}
            if token:
                params["nextToken"] = token
            page = self.service.get_execution_history(params)
            found += page["events"]
            token = page.get("nextToken")
            if token is None:
                return found


class _OwnClient:
    """A client of the very service under test."""

    def __init__(self, bench: Bench, model: FakeClient) -> None:
        self._bench = bench
        self.meta = model.meta

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        def call(**params: Any) -> dict[str, Any]:
            self._bench.calls.append((f"stepfunctions.{operation}", params))
            metadata = {"HTTPStatusCode": 200, "RequestId": "request-1", "HTTPHeaders": {}}
            try:
                result = getattr(self._bench.service, operation)(params)
            except AwsError as error:
                raise aws_error(error.code, error.message, error.status) from error
            return {"ResponseMetadata": metadata, **result}

        return call
