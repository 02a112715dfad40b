"""The local cloud put together: every service, the front door, and the template applied."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from infra.cloudformation.errors import TemplateError
from infra.synthesis_cache import SynthesisError, cached_synthesis
from localcloud.apigateway.description import RestApi
from localcloud.apigateway.gateway import ApiGateway
from localcloud.apigateway.log_writer import LogWriter
from localcloud.bedrock.batch.runner import asking
from localcloud.bedrock.runtime import BedrockRuntimeService
from localcloud.bedrock.service import Batching, BedrockService
from localcloud.calls import T, Visit
from localcloud.clients import Clients
from localcloud.code import Code
from localcloud.delivering import Deliver, to_lambda, to_states
from localcloud.events.service import EventsService
from localcloud.faults import PATH as FAULTS_PATH
from localcloud.faults import Faults, FaultsAdmin
from localcloud.frontdoor import FrontDoor, Rooms, Watching
from localcloud.http import HttpServer
from localcloud.iam.callers import Callers
from localcloud.iam.guard import Account, Guard
from localcloud.iam.inhouse import QueuesAs, check_invoke, check_start, guarded
from localcloud.iam.ledger import Ledger
from localcloud.iam.needs import Place
from localcloud.lambdas import invoke_request
from localcloud.lambdas.failures import Notice
from localcloud.lambdas.service import LambdaService, Neighbours
from localcloud.motocloud import MotoCloud
from localcloud.s3.service import S3Service
from localcloud.s3vectors.service import S3VectorsService
from localcloud.sagemaker.service import Hosting, SageMakerService
from localcloud.scheduler.service import SchedulerService
from localcloud.service import Service, Surroundings
from localcloud.sqs.service import SqsService
from localcloud.stepfunctions.integrations.contract import Callings
from localcloud.stepfunctions.service import StepFunctionsService
from localcloud.template import (
    access,
    compute,
    endpoints,
    keys,
    messaging,
    stages,
    storage,
    tables,
    versions,
    watching,
)
from localcloud.template.stack import Stack, Workshop
from localcloud.usage import UsageLog
from localcloud.visitors import LoopbackOnly

STACK = "headrace"
TYPES = {
    **storage.TYPES,
    **tables.TYPES,
    **keys.TYPES,
    **messaging.TYPES,
    **watching.TYPES,
    **compute.TYPES,
    **versions.TYPES,
    **access.TYPES,
    **stages.TYPES,
    **endpoints.TYPES,
}
_log = logging.getLogger(__name__)


class Cloud:
    """Every service of the local cloud on one data directory and one HTTP server."""

    def __init__(self, data_dir: Path, http: HttpServer, models_dir: Path, code: Code) -> None:
        """Open every store; nothing runs and nothing answers before `start`."""
        self._code = code
        self._faults = Faults()
        self._faults.read(data_dir)
        self.surroundings = Surroundings(data_dir, http.url)
        self._callers = Callers(self.surroundings.folder("iam"))
        self._ledger = Ledger(self.surroundings.folder("iam"))
        self._moto = MotoCloud(self.surroundings)
        self._guard = Guard(self._account(), self._callers, self._ledger)
        self.client = Clients(self.surroundings, self._callers.issue)
        self._http = http
        self._usage = UsageLog(self.surroundings.folder("bedrock"))
        self._targets: dict[str, Deliver] = {}
        self._sqs = SqsService(self.surroundings)
        self._events = EventsService(self.surroundings, self._targets)
        self._scheduler = SchedulerService(self.surroundings, self._targets)
        self._s3 = S3Service(
            self.surroundings,
            self._events.publish,
            guard=self._guard,
            around=self._faults.around,
        )
        self.lambdas = LambdaService(self.surroundings, self._sqs, self._neighbours())
        self._api = _Gateway(self.lambdas, self._guard, self.client)
        self._states = StepFunctionsService(
            self.surroundings,
            Callings(self.client, partial(check_start, self._guard)),
            self._events.publish,
        )
        self._vectors = S3VectorsService(self.surroundings)
        self._runtime = BedrockRuntimeService(self.surroundings, models_dir)
        self._bedrock = BedrockService(
            self.surroundings,
            models_dir,
            batching=Batching(
                self.client, asking(self._runtime), self._events.publish, self._around_records
            ),
        )
        self._hosting = SageMakerService(
            self.surroundings,
            Hosting(self.client, self._callers.issue),
        )
        deliverers: dict[str, Deliver] = {
            "lambda": to_lambda(self.lambdas),
            "sqs": self._sqs.deliver,
            "events": self._events.deliver,
            "states": to_states(lambda: self._states),
        }
        self._targets |= {
            kind: guarded(self._guard, kind, deliver) for kind, deliver in deliverers.items()
        }

    def start(self, template: Mapping[str, Any], values: Mapping[str, str]) -> Any:
        """Answer requests, apply `template`, then begin background work; return its outputs.

        Recovery after a crash runs last, when all that it may call is there.
        """
        self._ledger.start()
        rooms = Rooms(
            {
                "sqs": (self._sqs,),
                "events": (self._events,),
                "scheduler": (self._scheduler,),
                "lambda": (self.lambdas,),
                "states": (self._states,),
                "s3vectors": (self._vectors,),
                "bedrock": (self._runtime, self._bedrock),
                "sagemaker": (self._hosting.runtime, self._hosting),
                "application-autoscaling": (self._hosting.scaling,),
            },
            self._moto,
            self._s3,
            self._api,
        )
        watching = Watching(
            self._usage.around, self._faults.around, {FAULTS_PATH: FaultsAdmin(self._faults)}
        )
        self._http.start(LoopbackOnly(FrontDoor(rooms, self._guard, watching)))
        shop = Workshop(
            STACK,
            self.surroundings,
            self.client,
            self.lambdas,
            self._code.folder_of,
            _environment(),
        )
        stack = Stack(shop, TYPES)
        outputs = stack.apply(template, values)
        self._guard.keep_grants(
            {name: made["Arn"] for name, made in stack.attributes(access.ROLE).items()}
        )
        for api_id in stack.refs(access.REST_API).values():
            self._api.open(self.surroundings.folder("template") / access.API_FILE, api_id)
        for service in self._services():
            service.start()
        return outputs

    def stop(self) -> None:
        """End background work in the order that lets the last deliveries be kept.

        What fails to stop does not keep the rest from it.
        """
        with ExitStack() as ending:
            ending.callback(self._callers.close)
            ending.callback(self._ledger.stop)
            ending.callback(self._moto.close)
            ending.callback(self.client.close)
            ending.callback(self._http.stop)
            ending.callback(self._api.stop)
            for service in self._services():
                ending.callback(service.stop)

    def _around_records(self, visit: Visit, serve: Callable[[], T]) -> T:
        """Stand around a record of a batch job as the front door does around a call."""
        return self._usage.around(visit, lambda: self._faults.around(visit, serve))

    def _account(self) -> Account:
        around = self.surroundings
        return Account(
            Place(around.region, around.account_id, self._moto.hash_key),
            self._moto.role_policies,
            {
                "sqs": lambda arn: self._sqs.policy_of(arn),
                "lambda": lambda arn: self.lambdas.policy_of(arn),
                "s3": lambda arn: self._s3.policy_of(arn),
            },
        )

    def _neighbours(self) -> Neighbours:
        return Neighbours(
            issue=self._callers.issue,
            queues_as=lambda role, session: QueuesAs(self._sqs, self._guard, role, session),
            deliver_failure=self._deliver_failure,
            interpreter=self._code.interpreter,
        )

    def _services(self) -> list[Service]:
        return [
            self._s3,
            self._sqs,
            self._vectors,
            self._runtime,
            self._bedrock,
            self._hosting,
            self.lambdas,
            self._events,
            self._scheduler,
            self._states,
        ]

    def _deliver_failure(self, notice: Notice) -> None:
        service = notice.arn.split(":")[2]
        if service == "sns":
            self.client("sns").publish(TopicArn=notice.arn, Message=notice.body)
            return
        record = json.loads(notice.body)
        self.client("events").put_events(
            Entries=[
                {
                    "Source": "lambda",
                    "DetailType": "Lambda Function Invocation Result - Failure",
                    "Detail": json.dumps(record),
                    "EventBusName": notice.arn,
                }
            ]
        )


class _Gateway:
    """The API, from when the template has named its routes."""

    def __init__(self, lambdas: LambdaService, guard: Guard, client: Clients) -> None:
        self._lambdas = lambdas
        self._guard = guard
        self._client = client
        self._gateway: ApiGateway | None = None
        self._writer: LogWriter | None = None

    def open(self, swagger: Path, api_id: str) -> None:
        """Serve the API that `swagger` describes, under the id that permissions name it by."""
        settings = stages.read_stage(swagger.parent)
        described = RestApi.from_swagger(json.loads(swagger.read_text()), stage=settings.name)
        api = replace(described, api_id=api_id, settings=settings)
        if settings.access_log is not None:
            self._writer = LogWriter(self._client, settings.access_log.log_group)
            self._writer.start()
        self._gateway = ApiGateway(
            self._invoke,
            api,
            stream=self._stream,
            may_invoke=self._may_invoke,
            log=self._writer.write if self._writer else None,
        )

    def stop(self) -> None:
        """Write what is left of the access log."""
        if self._writer is not None:
            self._writer.stop()

    def _may_invoke(self, name: str, source_arn: str) -> None:
        arn = self._lambdas.get_function_configuration({"FunctionName": name})["FunctionArn"]
        check_invoke(self._guard, str(arn), source_arn)

    def _invoke(self, name: str, payload: bytes) -> Mapping[str, Any]:
        return self._lambdas.invoke({"FunctionName": name, "Payload": payload})

    def _stream(self, name: str, payload: bytes) -> Iterator[bytes]:
        params = {"FunctionName": name, "Payload": payload}
        begun = False
        for piece in self._lambdas.stream(params, invoke_request.parse(params)):
            if isinstance(piece, bytes):
                begun = True
                yield piece
            elif begun and piece.error_type is not None:
                raise ConnectionAbortedError(f"{name} failed: {piece.error_type}")

    def __call__(self, environ: Any, start_response: Any) -> Any:
        if self._gateway is None:
            start_response("503 Service Unavailable", [("Content-Type", "application/json")])
            return [b'{"message":"Service Unavailable"}']
        return self._gateway(environ, start_response)


def _environment() -> dict[str, str]:
    """What every worker needs on this machine beside its template's variables."""
    return {"PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", "")}


def synthesise(project: Path, stage: str, region: str) -> dict[str, Any]:
    """Return the plain template of `project`; raise TemplateError where it cannot be made."""
    try:
        made = cached_synthesis(project, "--stage", stage, "--region", region)
    except SynthesisError as error:
        raise TemplateError(str(error)) from error
    template: dict[str, Any] = json.loads(made)
    return template


@contextmanager
def running(
    data_dir: Path,
    template: Mapping[str, Any],
    values: Mapping[str, str],
    project: Path,
    port: int,
    code: Code | None = None,
) -> Iterator[tuple[Cloud, Mapping[str, Any]]]:
    """Yield a started cloud and the template's outputs; stop it at the end.

    Functions run from `code`, or from the source tree `project`, which also has the models.
    """
    http = HttpServer(port)
    try:
        cloud = Cloud(data_dir, http, project / "models" / "cache", code or Code.of(project))
    except BaseException:
        http.stop()
        raise
    try:
        yield cloud, cloud.start(template, values)
    finally:
        cloud.stop()
