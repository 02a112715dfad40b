"""The Lambda service: its operations, wired to what does the work."""

from __future__ import annotations

import base64
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from localcloud.errors import AwsError, unsupported
from localcloud.iam.credentials import IssueCredentials, issue_administrator
from localcloud.lambdas import invoke_request
from localcloud.lambdas.asynchronous import Accepted, AsyncQueue
from localcloud.lambdas.execution import Event, Executor
from localcloud.lambdas.failures import Notice
from localcloud.lambdas.logs import Logs, LogSink
from localcloud.lambdas.mappings import Mappings
from localcloud.lambdas.memory import MemoryWatch
from localcloud.lambdas.outcome import Outcome
from localcloud.lambdas.pages import page_of
from localcloud.lambdas.policies import Policies
from localcloud.lambdas.poller import KeptQueues, Queues
from localcloud.lambdas.pool import Limits, Pool
from localcloud.lambdas.process import Spawner
from localcloud.lambdas.refusals import Refusals
from localcloud.lambdas.registry import Registered, Registry
from localcloud.lambdas.spec import DEVELOPMENT_INTERPRETER, LATEST, FunctionSpec, configuration
from localcloud.lambdas.streaming import as_events, streamed
from localcloud.lambdas.versions import Numbers
from localcloud.lambdas.worker import WorkerFactory
from localcloud.service import CloudContext, Params, Result

RoleQueues = Callable[[str, str], Queues]
"""Returns the queues as a role may use them, by its ARN and the name of the session."""

DeliverFailure = Callable[[Notice], None]
"""Send a failure notice to a topic or event bus; raising means that it is tried again."""

_BATCH_PATIENCE_S = 60.0
_EVICT_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What Lambda may use of the rest of the cloud, and what a test may replace.

    `issue` gives a function's workers what they sign with, `queues_as` the queues that its event
    sources read in its name; without the latter they may read any. `interpreter` runs the workers.
    """

    issue: IssueCredentials = issue_administrator
    interpreter: Path = DEVELOPMENT_INTERPRETER
    queues_as: RoleQueues | None = None
    deliver_failure: DeliverFailure | None = None
    logs: LogSink | None = None
    clock: Callable[[], float] = time.time
    limits: Limits = field(default_factory=Limits)
    init_s: float = 10.0


class LambdaService(Refusals):
    """AWS Lambda. Functions are registered by the template loader."""

    name = "lambda"

    def __init__(
        self, context: CloudContext, sqs: KeptQueues, neighbours: Neighbours | None = None
    ) -> None:
        """Keep state below the data directory; nothing runs before `start`."""
        self._neighbours = neighbours or Neighbours()
        self._sqs = sqs
        folder = context.folder("lambdas")
        self._registry = Registry(context)
        self._numbers = Numbers(folder / "versions.json")
        self._logs = Logs(folder / "logs", self._neighbours.logs)
        self._memory = MemoryWatch()
        self._spawner = Spawner()
        self._pool = Pool(self._neighbours.limits)
        issue = self._neighbours.issue
        interpreter = self._neighbours.interpreter
        factory = WorkerFactory(context, self._spawner, self._logs, issue, interpreter)
        self._executor = Executor(self._pool, factory, self._memory, self._neighbours.init_s)
        self._queue = AsyncQueue(
            folder / "events.sqlite",
            self._registry,
            self._run_accepted,
            self._deliver,
            self._neighbours.clock,
            self._neighbours.limits.concurrency,
        )
        self._mappings = Mappings(
            folder / "mappings.sqlite",
            context,
            self._registry,
            self._queues_of,
            self._run_batch,
            sqs.give_back,
        )
        self._policies = Policies(folder / "policies.sqlite")
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begin the background work: what was accepted earlier, and the queues."""
        self._logs.start()
        self._memory.start()
        threading.Thread(target=self._evict, name="lambda-evict", daemon=True).start()
        self._queue.start()
        self._mappings.start()

    def stop(self) -> None:
        """End all pollers and workers; an invocation that runs is cut off."""
        self._stopping.set()
        self._mappings.stop()
        self._queue.stop()
        self._pool.stop()
        self._memory.kill_all()
        self._memory.stop()
        self._policies.stop()
        self._spawner.stop()
        self._logs.stop()

    def register(self, spec: FunctionSpec) -> None:
        """Add a function, or replace it; workers of the old definition serve no more."""
        for arn in filter(None, (spec.dead_letter, spec.failure_destination)):
            service = arn.split(":")[2]
            if service in ("sns", "events") and self._neighbours.deliver_failure is None:
                raise unsupported("Lambda", f"failures of {spec.name} to {service}")
        if self._registry.put(spec, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")):
            self._pool.retire(self._registry.find(spec.name))
            self._pool.set_callers(self._registry.callers())

    def publish(self, name: str, key: str) -> str:
        """Publish a version of the function, the same one for the same `key`; return its number."""
        number = self._numbers.of(name, key)
        self._registry.publish(name, number)
        return number

    def point_alias(self, name: str, alias: str, version: str) -> str:
        """Point an alias at a version; return the alias's ARN."""
        return self._registry.point(name, alias, version).arn

    def policy_of(self, arn: str) -> str | None:
        """Return the resource policy of the function `arn`, None where it has none."""
        return self._policies.document(arn.split(":", 6)[6].partition(":")[0])

    def pending(self) -> int:
        """Return how many asynchronous events and failure notices are not over yet."""
        return self._queue.waiting()

    def invoke(self, params: Params) -> Result:
        """Answer Invoke: wait for the function, accept the event, or only check it."""
        function = self._registry.find(str(params["FunctionName"]), params.get("Qualifier"))
        request = invoke_request.parse(params)
        if request.kind == "DryRun":
            return {"StatusCode": 204}
        if request.kind == "Event":
            self._accept(function, request.payload, request.client_context)
            return {"StatusCode": 202, "Payload": b""}
        outcome = self._executor.run(function, Event(request.payload, request.client_context))
        result: dict[str, Any] = {
            "StatusCode": 200,
            "ExecutedVersion": function.spec.version,
            "Payload": outcome.payload,
        }
        if outcome.error_type is not None:
            result["FunctionError"] = "Unhandled"
        if request.wants_log:
            result["LogResult"] = base64.b64encode(outcome.log_tail).decode()
        return result

    def invoke_with_response_stream(self, params: Params) -> Result:
        """Answer InvokeWithResponseStream: the function's chunks as it writes them."""
        request = invoke_request.parse(params)
        if request.kind != "RequestResponse":
            raise unsupported("Lambda", f"InvokeWithResponseStream with {request.kind}")
        pieces = self.stream(params, request)
        return {
            "StatusCode": 200,
            "ExecutedVersion": self._find(params).spec.version,
            "EventStream": as_events(pieces, request.wants_log),
        }

    def stream(
        self, params: Params, request: invoke_request.InvokeRequest
    ) -> Iterator[bytes | Outcome]:
        """Invoke a function and yield its chunks as they come, and how it ended, last."""
        function = self._find(params)
        event = Event(request.payload, request.client_context)
        return streamed(
            lambda sink: self._executor.run(function, replace(event, sink=sink)),
            function.spec.name,
        )

    def get_function(self, params: Params) -> Result:
        """Answer GetFunction."""
        function = self._find(params)
        result: dict[str, Any] = {
            "Configuration": self._configuration(function),
            "Code": {"RepositoryType": "Local", "Location": function.spec.code_path.as_uri()},
        }
        if function.spec.tags:
            result["Tags"] = dict(function.spec.tags)
        if function.spec.reserved_concurrency is not None:
            result["Concurrency"] = self.get_function_concurrency(params)
        return result

    def get_function_configuration(self, params: Params) -> Result:
        """Answer GetFunctionConfiguration."""
        return self._configuration(self._find(params))

    def list_functions(self, params: Params) -> Result:
        """Answer ListFunctions."""
        for name in set(params) - {"Marker", "MaxItems"}:
            raise unsupported("Lambda", f"the parameter {name} of ListFunctions")
        functions = [self._configuration(each) for each in self._registry.all()]
        return page_of("Functions", functions, params, lambda each: str(each["FunctionName"]))

    def list_tags(self, params: Params) -> Result:
        """Answer ListTags."""
        return {"Tags": dict(self._registry.find(str(params["Resource"])).spec.tags)}

    def get_function_concurrency(self, params: Params) -> Result:
        """Answer GetFunctionConcurrency."""
        reserved = self._find(params).spec.reserved_concurrency
        return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}

    def get_function_event_invoke_config(self, params: Params) -> Result:
        """Answer GetFunctionEventInvokeConfig."""
        function = self._find(params)
        destination = function.spec.failure_destination
        return {
            "FunctionArn": f"{function.arn}:{LATEST}",
            "MaximumRetryAttempts": function.spec.maximum_retry_attempts,
            "MaximumEventAgeInSeconds": function.spec.maximum_event_age_s,
            "DestinationConfig": {
                "OnSuccess": {},
                "OnFailure": {"Destination": destination} if destination else {},
            },
        }

    def add_permission(self, params: Params) -> Result:
        """Answer AddPermission."""
        return self._policies.add(self._find(params), params)

    def remove_permission(self, params: Params) -> Result:
        """Answer RemovePermission."""
        return self._policies.remove(self._find(params), params)

    def get_policy(self, params: Params) -> Result:
        """Answer GetPolicy."""
        return self._policies.get(self._find(params))

    def create_event_source_mapping(self, params: Params) -> Result:
        """Answer CreateEventSourceMapping, for SQS queues."""
        return self._mappings.create(params)

    def ensure_event_source_mapping(self, params: Params) -> Result:
        """Create a mapping, or give the one that is there these settings and no others."""
        return self._mappings.ensure(params)

    def get_event_source_mapping(self, params: Params) -> Result:
        """Answer GetEventSourceMapping."""
        return self._mappings.get(params)

    def list_event_source_mappings(self, params: Params) -> Result:
        """Answer ListEventSourceMappings."""
        return self._mappings.page(params)

    def update_event_source_mapping(self, params: Params) -> Result:
        """Answer UpdateEventSourceMapping."""
        return self._mappings.update(params)

    def delete_event_source_mapping(self, params: Params) -> Result:
        """Answer DeleteEventSourceMapping."""
        return self._mappings.delete(params)

    def _find(self, params: Params) -> Registered:
        return self._registry.find(str(params["FunctionName"]), params.get("Qualifier"))

    def _queues_of(self, name: str) -> Queues:
        if self._neighbours.queues_as is None:
            return self._sqs
        spec = self._registry.find(name).spec
        return self._neighbours.queues_as(spec.role_arn, spec.name)

    def _configuration(self, function: Registered) -> dict[str, Any]:
        return configuration(function.spec, function.arn, function.modified)

    def _accept(self, function: Registered, payload: bytes, client_context: str | None) -> None:
        now = self._neighbours.clock()
        event = Accepted(str(uuid.uuid4()), function.reference, payload, client_context, now)
        self._queue.put(event)

    def _run_accepted(self, function: Registered, accepted: Accepted) -> Outcome:
        event = Event(accepted.payload, accepted.client_context, accepted.id)
        return self._executor.run(function, event)

    def _run_batch(self, name: str, payload: bytes) -> tuple[bytes, bool]:
        event = Event(payload, patience_s=_BATCH_PATIENCE_S)
        outcome = self._executor.run(self._registry.find(name), event)
        return outcome.payload, outcome.error_type is None

    def _deliver(self, notice: Notice) -> None:
        service, resource = notice.arn.split(":")[2], notice.arn.split(":", 5)[5]
        if service == "sqs":
            self._send(resource, notice)
        elif service == "lambda":
            self._accept(self._registry.find(notice.arn), notice.body.encode(), None)
        elif self._neighbours.deliver_failure is not None:
            self._neighbours.deliver_failure(notice)
        else:
            raise AwsError("InvalidParameterValueException", f"{notice.arn} takes no failures")

    def _send(self, queue: str, notice: Notice) -> None:
        url = self._sqs.get_queue_url({"QueueName": queue})["QueueUrl"]
        attributes = {
            name: {
                "DataType": "Number" if name == "ErrorCode" else "String",
                "StringValue": value,
            }
            for name, value in notice.attributes.items()
        }
        message: dict[str, Any] = {"QueueUrl": url, "MessageBody": notice.body}
        self._sqs.send_message(
            {**message, "MessageAttributes": attributes} if attributes else message
        )

    def _evict(self) -> None:
        while not self._stopping.wait(_EVICT_EVERY_S):
            self._pool.evict_idle()
