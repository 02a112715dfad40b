"""The local cloud put together: every service, the front door, and the template applied."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from localcloud.apigateway.description import RestApi
from localcloud.apigateway.gateway import ApiGateway
from localcloud.bedrock.runtime import BedrockRuntimeService
from localcloud.bedrock.service import BedrockService
from localcloud.clients import Clients
from localcloud.delivering import Deliver, to_lambda, to_states
from localcloud.events.service import EventsService
from localcloud.frontdoor import FrontDoor, Rooms
from localcloud.http import HttpServer
from localcloud.lambdas import invoke_request
from localcloud.lambdas.failures import Notice
from localcloud.lambdas.service import LambdaService, Neighbours
from localcloud.motocloud import MotoCloud
from localcloud.s3.service import S3Service
from localcloud.s3vectors.service import S3VectorsService
from localcloud.scheduler.service import SchedulerService
from localcloud.service import Service, Surroundings
from localcloud.sqs.service import SqsService
from localcloud.stepfunctions.service import StepFunctionsService
from localcloud.template import access, compute, messaging, storage, tables
from localcloud.template.errors import TemplateError
from localcloud.template.stack import Stack, Workshop
from localcloud.visitors import LoopbackOnly

STACK = "headrace"
TYPES = {
    **storage.TYPES,
    **tables.TYPES,
    **messaging.TYPES,
    **compute.TYPES,
    **access.TYPES,
}
_log = logging.getLogger(__name__)


class Cloud:
    """Every service of the local cloud on one data directory and one HTTP server."""

    def __init__(self, data_dir: Path, http: HttpServer, models_dir: Path) -> None:
        """Open every store; nothing runs and nothing answers before `start`."""
        self.surroundings = Surroundings(data_dir, http.url)
        self.client = Clients(self.surroundings)
        self._http = http
        self._targets: dict[str, Deliver] = {}
        self._moto = MotoCloud(self.surroundings)
        self._sqs = SqsService(self.surroundings)
        self._events = EventsService(self.surroundings, self._targets)
        self._scheduler = SchedulerService(self.surroundings, self._targets)
        self._s3 = S3Service(self.surroundings, self._events.publish)
        self.lambdas = LambdaService(
            self.surroundings, self._sqs, Neighbours(deliver_failure=self._deliver_failure)
        )
        self._states = StepFunctionsService(self.surroundings, self.client, self._events.publish)
        self._vectors = S3VectorsService(self.surroundings)
        self._runtime = BedrockRuntimeService(self.surroundings, models_dir)
        self._bedrock = BedrockService(self.surroundings, models_dir)
        self._targets |= {
            "lambda": to_lambda(self.lambdas),
            "sqs": self._sqs.deliver,
            "events": self._events.deliver,
            "states": to_states(lambda: self._states),
        }

    def start(self, template: Mapping[str, Any], values: Mapping[str, str], project: Path) -> Any:
        """Answer requests, apply `template`, then begin background work; return its outputs.

        Recovery after a crash runs last, when all that it may call is there.
        """
        gateway = _Gateway(self.lambdas)
        rooms = Rooms(
            {
                "sqs": (self._sqs,),
                "events": (self._events,),
                "scheduler": (self._scheduler,),
                "lambda": (self.lambdas,),
                "states": (self._states,),
                "s3vectors": (self._vectors,),
                "bedrock": (self._runtime, self._bedrock),
            },
            self._moto,
            self._s3,
            gateway,
        )
        self._http.start(LoopbackOnly(FrontDoor(rooms)))
        shop = Workshop(
            STACK, self.surroundings, self.client, self.lambdas, lambda _: project, _environment()
        )
        outputs = Stack(shop, TYPES).apply(template, values)
        if any(r["Type"] == access.REST_API for r in template["Resources"].values()):
            gateway.open(self.surroundings.folder("template") / access.API_FILE)
        for service in self._services():
            service.start()
        return outputs

    def stop(self) -> None:
        """End background work in the order that lets the last deliveries be kept.

        What fails to stop does not keep the rest from it.
        """
        with ExitStack() as ending:
            ending.callback(self._moto.close)
            ending.callback(self.client.close)
            ending.callback(self._http.stop)
            for service in self._services():
                ending.callback(service.stop)

    def _services(self) -> list[Service]:
        return [
            self._s3,
            self._sqs,
            self._vectors,
            self._runtime,
            self._bedrock,
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

    def __init__(self, lambdas: LambdaService) -> None:
        self._lambdas = lambdas
        self._gateway: ApiGateway | None = None

    def open(self, swagger: Path) -> None:
        """Serve the API that `swagger` describes."""
        api = RestApi.from_swagger(json.loads(swagger.read_text()))
        self._gateway = ApiGateway(self._invoke, api, stream=self._stream)

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
    """Return the plain template of `project`, made in a process of its own.

    Importing an app changes the interpreter that does it; this one serves a cloud. Raises
    TemplateError with what that process said.
    """
    command = [sys.executable, "-m", "infra.synthesise", "--stage", stage, "--region", region]
    done = subprocess.run(  # noqa: S603 - our own module, by an absolute interpreter
        [*command, "--project", str(project)],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        raise TemplateError(f"The template cannot be made:\n{done.stderr.strip()}")
    template: dict[str, Any] = json.loads(done.stdout)
    return template


@contextmanager
def running(
    data_dir: Path, template: Mapping[str, Any], values: Mapping[str, str], project: Path, port: int
) -> Iterator[tuple[Cloud, Mapping[str, Any]]]:
    """Yield a started cloud and the template's outputs; stop it at the end."""
    http = HttpServer(port)
    try:
        cloud = Cloud(data_dir, http, project / "models" / "cache")
    except BaseException:
        http.stop()
        raise
    try:
        yield cloud, cloud.start(template, values, project)
    finally:
        cloud.stop()
