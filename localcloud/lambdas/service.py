"""The Lambda service: composition of its parts, invocations, and its background work."""

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

from localcloud.clock import Clock
from localcloud.errors import AwsError, unsupported
from localcloud.iam.credentials import IssueCredentials, issue_administrator
from localcloud.lambdas import invoke_request
from localcloud.lambdas.async_queue import AsyncEventQueue, QueuedEvent
from localcloud.lambdas.created_functions import CreatedFunctions
from localcloud.lambdas.destinations import DestinationMessage
from localcloud.lambdas.event_sources.mappings import EventSourceMappings
from localcloud.lambdas.event_sources.poller import DurableQueues, SqsQueues
from localcloud.lambdas.execution_environment import ExecutionEnvironmentFactory
from localcloud.lambdas.executor import Executor, FunctionEvent
from localcloud.lambdas.functions import FunctionOperations, UnsupportedOperations
from localcloud.lambdas.logs import FunctionLogs, LogSink
from localcloud.lambdas.memory import MemoryMonitor
from localcloud.lambdas.outcome import InvocationOutcome
from localcloud.lambdas.policies import FunctionPolicies
from localcloud.lambdas.pool import ConcurrencyLimits, EnvironmentPool
from localcloud.lambdas.process import ProcessSpawner
from localcloud.lambdas.registry import FunctionRegistry, RegisteredFunction, VersionNumbers
from localcloud.lambdas.response_stream import response_events, stream_invocation
from localcloud.lambdas.spec import DEVELOPMENT_INTERPRETER, FunctionSpec
from localcloud.service import CloudContext, Params, Result, trace_header
from localcloud.supervision import SupervisedThread

QueuesForRole = Callable[[str, str], SqsQueues]
"""Returns the queues as a role may use them, by its ARN and the role session's name."""

DeliverFailure = Callable[[DestinationMessage], None]
"""Sends a message to a topic or event bus; it is tried again if this raises."""

_EVICTION_INTERVAL_S = 5.0


@dataclass(frozen=True, slots=True)
class LambdaDependencies:
    """The collaborators of Lambda in the rest of the local cloud; tests replace them.

    `issue` gives credentials to execution environments. `queues_as` gives the queues that event
    source mappings read in a role's name; without it they may read any. `interpreter` runs the
    functions.
    """

    issue: IssueCredentials = issue_administrator
    interpreter: Path = DEVELOPMENT_INTERPRETER
    queues_as: QueuesForRole | None = None
    deliver_failure: DeliverFailure | None = None
    logs: LogSink | None = None
    clock: Clock = time.time
    limits: ConcurrencyLimits = field(default_factory=ConcurrencyLimits)
    init_s: float = 10.0


class LambdaService(UnsupportedOperations):
    """AWS Lambda, botocore service `lambda`. The template registers the functions."""

    name = "lambda"

    def __init__(
        self,
        context: CloudContext,
        sqs: DurableQueues,
        dependencies: LambdaDependencies | None = None,
    ) -> None:
        """Open the stores in the data directory; nothing runs before `start`."""
        self._dependencies = dependencies or LambdaDependencies()
        self._sqs = sqs
        folder = context.folder("lambdas")
        self._registry = FunctionRegistry(context)
        self._version_numbers = VersionNumbers(folder / "versions.json")
        self._logs = FunctionLogs(folder / "logs", self._dependencies.logs)
        self._memory = MemoryMonitor()
        self._spawner = ProcessSpawner()
        self._pool = EnvironmentPool(self._dependencies.limits)
        factory = ExecutionEnvironmentFactory(
            context,
            self._spawner,
            self._logs,
            self._dependencies.issue,
            self._dependencies.interpreter,
        )
        self._executor = Executor(self._pool, factory, self._memory, self._dependencies.init_s)
        self._async_queue = AsyncEventQueue(
            folder / "events.sqlite",
            self._registry,
            self._run_queued,
            self._deliver,
            self._dependencies.clock,
            self._dependencies.limits.concurrency,
        )
        self._mappings = EventSourceMappings(
            folder / "mappings.sqlite",
            context,
            self._registry,
            self._queues_of,
            self._run_batch,
            sqs.release_in_flight,
        )
        self._policies = FunctionPolicies(folder / "policies.sqlite")
        self._stopping = threading.Event()

        self._created = CreatedFunctions(
            folder,
            self._registry,
            self.register,
            self._pool.retire,
            self._forget,
        )
        self.create_function = self._created.create
        self.delete_function = self._created.delete
        self.update_function_code = self._created.update_code
        self.update_function_configuration = self._created.update_configuration
        self._created.restore()

        functions = FunctionOperations(self._registry, self._dependencies.limits.concurrency)
        self.get_function = functions.get_function
        self.get_function_configuration = functions.get_function_configuration
        self.list_functions = functions.list_functions
        self.list_tags = functions.list_tags
        self.get_account_settings = functions.get_account_settings
        self.get_function_concurrency = functions.get_function_concurrency
        self.get_function_recursion_config = functions.get_function_recursion_config
        self.get_function_event_invoke_config = functions.get_function_event_invoke_config

        self.create_event_source_mapping = self._mappings.create
        self.ensure_event_source_mapping = self._mappings.ensure
        self.get_event_source_mapping = self._mappings.get
        self.list_event_source_mappings = self._mappings.list_page
        self.update_event_source_mapping = self._mappings.update
        self.delete_event_source_mapping = self._mappings.delete

    def start(self) -> None:
        """Begin the background work: events accepted earlier, and event source mappings."""
        self._logs.start()
        self._memory.start()
        SupervisedThread("lambda-evict", self._evict_idle).start()
        self._async_queue.start()
        self._mappings.start()

    def stop(self) -> None:
        """End all pollers and environments; an invocation that runs is interrupted."""
        self._stopping.set()
        self._mappings.stop()
        self._async_queue.stop()
        self._pool.stop()
        self._memory.kill_all()
        self._memory.stop()
        self._policies.close()
        self._created.close()
        self._spawner.stop()
        self._logs.stop()

    def register(self, spec: FunctionSpec) -> None:
        """Add or replace a function; environments of its old definition are not reused."""
        for arn in filter(None, (spec.dead_letter, spec.failure_destination)):
            service = arn.split(":")[2]
            if service in ("sns", "events") and self._dependencies.deliver_failure is None:
                raise unsupported("Lambda", f"failures of {spec.name} to {service}")
        modified = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        if self._registry.register(spec, modified):
            self._pool.retire(self._registry.find(spec.name))
            self._pool.set_callers(self._registry.callers())

    def publish(self, name: str, key: str) -> str:
        """Publish a version of the function, the same one for the same `key`; return its number."""
        number = self._version_numbers.number(name, key)
        self._registry.publish(name, number)
        return number

    def point_alias(self, name: str, alias: str, version: str) -> str:
        """Point an alias at a version; return the alias's ARN."""
        return self._registry.point_alias(name, alias, version).arn

    def policy_of(self, arn: str) -> str | None:
        """Return the resource policy of the function `arn`, None if it has none."""
        return self._policies.document(arn.split(":", 6)[6].partition(":")[0])

    def pending(self) -> int:
        """Return how many asynchronous events and failure messages are not done."""
        return self._async_queue.pending()

    def invoke(self, params: Params) -> Result:
        """Answer Invoke: wait for the function, accept the event, or only check the request."""
        function = self._find(params)
        request = invoke_request.parse(params)
        if request.invocation_type == "DryRun":
            return {"StatusCode": 204}
        if request.invocation_type == "Event":
            self._accept(function, request.payload, request.client_context)
            return {"StatusCode": 202, "Payload": b""}
        event = _requested(request)
        outcome = self._executor.run(function, event)
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
        if request.invocation_type != "RequestResponse":
            raise unsupported("Lambda", f"InvokeWithResponseStream with {request.invocation_type}")
        chunks = self.stream(params, request)
        return {
            "StatusCode": 200,
            "ExecutedVersion": self._find(params).spec.version,
            "EventStream": response_events(chunks, request.wants_log),
        }

    def stream(
        self, params: Params, request: invoke_request.InvokeRequest
    ) -> Iterator[bytes | InvocationOutcome]:
        """Invoke a function and yield its chunks as they come, and the outcome last."""
        function = self._find(params)
        event = _requested(request)
        return stream_invocation(
            lambda sink: self._executor.run(function, replace(event, sink=sink)),
            function.spec.name,
        )

    def add_permission(self, params: Params) -> Result:
        """Answer AddPermission."""
        return self._policies.add(self._find(params), params)

    def remove_permission(self, params: Params) -> Result:
        """Answer RemovePermission."""
        return self._policies.remove(self._find(params), params)

    def get_policy(self, params: Params) -> Result:
        """Answer GetPolicy."""
        return self._policies.get(self._find(params))

    def _find(self, params: Params) -> RegisteredFunction:
        return self._registry.find(str(params["FunctionName"]), params.get("Qualifier"))

    def _queues_of(self, name: str) -> SqsQueues:
        if self._dependencies.queues_as is None:
            return self._sqs
        spec = self._registry.find(name).spec
        return self._dependencies.queues_as(spec.role_arn, spec.name)

    def _accept(
        self, function: RegisteredFunction, payload: bytes, client_context: str | None
    ) -> None:
        now = self._dependencies.clock()
        event = QueuedEvent(
            str(uuid.uuid4()),
            function.reference,
            payload,
            client_context,
            now,
            trace_header=trace_header(),
        )
        self._async_queue.put(event)

    def _forget(self, name: str) -> None:
        """Remove the policy and the waiting events of a function that is deleted."""
        self._policies.remove_all(name)
        self._async_queue.discard(name)

    def _run_queued(self, function: RegisteredFunction, queued: QueuedEvent) -> InvocationOutcome:
        event = FunctionEvent(
            queued.payload, queued.client_context, queued.id, trace_header=queued.trace_header
        )
        return self._executor.run(function, event)

    def _run_batch(self, name: str, payload: bytes, header: str) -> tuple[bytes, bool]:
        max_wait_s = self._dependencies.limits.max_batch_wait_s
        event = FunctionEvent(payload, max_wait_s=max_wait_s, trace_header=header)
        outcome = self._executor.run(self._registry.find(name), event)
        return outcome.payload, outcome.error_type is None

    def _deliver(self, message: DestinationMessage) -> None:
        service, resource = message.arn.split(":")[2], message.arn.split(":", 5)[5]
        if service == "sqs":
            self._send_to_queue(resource, message)
        elif service == "lambda":
            self._accept(self._registry.find(message.arn), message.body.encode(), None)
        elif self._dependencies.deliver_failure is not None:
            self._dependencies.deliver_failure(message)
        else:
            raise AwsError("InvalidParameterValueException", f"{message.arn} takes no failures")

    def _send_to_queue(self, queue: str, message: DestinationMessage) -> None:
        url = self._sqs.get_queue_url({"QueueName": queue})["QueueUrl"]
        attributes = {
            name: {
                "DataType": "Number" if name == "ErrorCode" else "String",
                "StringValue": value,
            }
            for name, value in message.attributes.items()
        }
        request: dict[str, Any] = {"QueueUrl": url, "MessageBody": message.body}
        self._sqs.send_message(
            {**request, "MessageAttributes": attributes} if attributes else request
        )

    def _evict_idle(self) -> None:
        while not self._stopping.wait(_EVICTION_INTERVAL_S):
            self._pool.evict_idle()


def _requested(request: invoke_request.InvokeRequest) -> FunctionEvent:
    return FunctionEvent(request.payload, request.client_context, trace_header=trace_header())
