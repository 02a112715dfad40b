"""The `ingest` state machine on the local engine, with its real table and scripted functions."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config

from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.ingest import IngestTable
from chalicelib.contracts.ingest import IngestInput, ReadResult
from chalicelib.jobs.ingest_claims import IngestClaim, execution_arn, execution_name
from localcloud.service import CloudContext
from localcloud.stepfunctions import StepFunctionsService
from localcloud.stepfunctions.integrations.integration import RoleClients
from tests.architecture.ingest_definition import FUNCTIONS, ROLE, definition
from tests.clients import client
from tests.unit.ingest.conftest import put_tenant
from tests.unit.ingest.examples import MACHINE, NOW, work
from tests.unit.stepfunctions.manual_scheduler import ManualScheduler

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TABLE = "records"
_ONCE = Config(retries={"total_max_attempts": 1})
ENDED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")

READ = {
    "media_type": "text/markdown",
    "sha256": "ab" * 32,
    "bytes": 20,
    "pages": 2,
    "pages_needing_ocr": 1,
    "recognise": [],
    "characters": 900,
    "language": "en",
    "members": 0,
    "notices": ["A table was cut."],
    "parts": 0,
    "rows": 0,
    "picture": False,
    "media": False,
    "reading": {"seconds": 0.25, "gb_seconds": 0.25, "requests": 1},
    "recognising": {"seconds": 0.0, "gb_seconds": 0.0, "requests": 0, "images": 0},
    "labelling": {"seconds": 0.0, "gb_seconds": 0.0, "requests": 0, "images": 0},
    "picture_embedding": {"seconds": 0.0, "gb_seconds": 0.0, "requests": 0, "images": 0},
    "decoding": {"seconds": 0.0, "gb_seconds": 0.0, "requests": 0, "images": 0},
}
CHUNK = {"chunks": 3, "chunking": {"seconds": 0.25, "gb_seconds": 0.125}}
EMBED = {
    "vectors": 3,
    "model": "minilm",
    "receipt": {"lines": [], "tokens_in": 7, "dollars": "0.000000417"},
}


@dataclass(frozen=True)
class Raises:
    """What a function raises: the class's name, and its message."""

    error: str
    message: str = "because"


Answer = dict[str, Any] | Raises
Scripted = Answer | Callable[[dict[str, Any]], Answer]
"""An answer, or what makes one of the payload."""


@dataclass
class Script:
    """What each function answers, call by call; the last answer is given for ever."""

    answers: dict[str, list[Scripted]] = field(
        default_factory=lambda: {
            "read_document": [READ],
            "chunk_document": [CHUNK],
            "embed_chunks": [EMBED],
        }
    )
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    before: dict[str, Callable[[], None]] = field(default_factory=dict)
    jobs: Callable[[str, dict[str, Any]], Answer] = lambda operation, params: {}
    """Answers a call of Amazon Transcribe."""

    def invoke(self, request: Any, **_: object) -> AWSResponse:
        """Answer Lambda's Invoke in place of the network."""
        name = next(name for name, arn in FUNCTIONS.items() if arn.split(":")[-1] in request.url)
        payload = json.loads(request.body)
        self.calls.append((name, payload))
        self.before.pop(name, lambda: None)()
        left = self.answers[name]
        scripted = left.pop(0) if len(left) > 1 else left[0]
        answer = scripted(payload) if callable(scripted) else scripted
        if isinstance(answer, Raises):
            body = {"errorMessage": answer.message, "errorType": answer.error, "stackTrace": []}
            return _response(body, {"X-Amz-Function-Error": "Unhandled"})
        return _response(answer, {})

    def transcribe(self, request: Any, **_: object) -> AWSResponse:
        """Answer Amazon Transcribe in place of the network."""
        operation = request.headers["X-Amz-Target"].decode().partition(".")[2]
        answer = self.jobs(operation, json.loads(request.body))
        if isinstance(answer, Raises):
            error = {"__type": answer.error, "Message": answer.message}
            return _response(error, {"x-amzn-ErrorType": answer.error}, 400)
        return _response(answer, {})

    def put_events(self, request: Any, **_: object) -> AWSResponse:
        """Answer EventBridge's PutEvents in place of the network."""
        entries = json.loads(request.body)["Entries"]
        self.events += [(entry["DetailType"], json.loads(entry["Detail"])) for entry in entries]
        return _response({"FailedEntryCount": 0, "Entries": [{"EventId": "e"}]}, {})


class IngestWorld:
    """One table, one state machine."""

    def __init__(self, folder: Path, dynamodb: DynamoDBClient, table: DynamoTable) -> None:
        self.script = Script()
        self._clients: dict[str, Any] = {"dynamodb": dynamodb}
        self.table = table
        self.records = IngestTable(table)
        put_tenant(table)
        self.schedule = ManualScheduler()
        surroundings = CloudContext(folder, "http://127.0.0.1:1")
        self.service = StepFunctionsService(
            surroundings, RoleClients(self._client), lambda event: None, schedule=self.schedule
        )
        answer = self.service.create_state_machine(
            {"name": "ingest", "definition": definition(TABLE), "roleArn": ROLE}
        )
        self.machine = answer["stateMachineArn"]

    def claim(self, **details: Any) -> IngestInput:
        """Claim an upload as `object_created` does."""
        asked = work(**details)
        arn = execution_arn(MACHINE, execution_name(asked.version, 1))
        self.records.claim(IngestClaim(asked, 1, arn, NOW), 20)
        return asked

    def start(self, asked: IngestInput) -> str:
        """Start the execution of `asked` and return its ARN."""
        answer = self.service.start_execution(
            {"stateMachineArn": self.machine, "input": asked.model_dump_json()}
        )
        return str(answer["executionArn"])

    def run(self, asked: IngestInput) -> tuple[str, list[str]]:
        """Run `asked` to its end; return the status and the states that were entered."""
        arn = self.start(asked)
        self.schedule.run_while(lambda: self.status(arn) not in ENDED)
        return self.status(arn), self.states(arn)

    def status(self, arn: str) -> str:
        return str(self.service.describe_execution({"executionArn": arn})["status"])

    def states(self, arn: str) -> list[str]:
        """Return the states that an execution entered, in order: what AWS bills."""
        history = self.service.get_execution_history({"executionArn": arn, "maxResults": 1000})
        return [
            event["stateEnteredEventDetails"]["name"]
            for event in history["events"]
            if event["type"].endswith("StateEntered")
        ]

    def _client(self, service: str, role_arn: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self._made(service)
        return self._clients[service]

    def _made(self, service: str) -> Any:
        made = client(service, config=_ONCE)
        if service == "lambda":
            made.meta.events.register_first("before-send.lambda.Invoke", self.script.invoke)
        if service == "transcribe":
            made.meta.events.register_first("before-send.transcribe", self.script.transcribe)
        if service == "events":
            made.meta.events.register_first(
                "before-send.eventbridge.PutEvents", self.script.put_events
            )
        return made


class _Raw(io.BytesIO):
    def stream(self, **_: object) -> Any:
        yield self.read()


def _response(body: dict[str, Any], headers: dict[str, str], status: int = 200) -> AWSResponse:
    raw = _Raw(json.dumps(body).encode())
    all_headers = HTTPHeaders.from_dict({"x-amzn-requestid": "r", **headers})
    return AWSResponse("http://fake", status, all_headers, raw)


def more_steps(**facts: Any) -> Raises:
    """Return what the handler of `read_document` raises."""
    result = ReadResult.model_validate({**READ, **facts})
    return Raises("MoreSteps", result.model_dump_json())
