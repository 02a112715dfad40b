"""API Gateway as part of the local cloud: deploys one REST API in front of Lambda."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from localcloud.apigateway.access_log import AccessLogWriter
from localcloud.apigateway.gateway import ApiGateway
from localcloud.apigateway.rest_api import RestApi
from localcloud.apigateway.stage import ApiStage
from localcloud.iam.guard import AccessGuard
from localcloud.iam.service_calls import authorize_api_invoke
from localcloud.lambdas import invoke_request
from localcloud.lambdas.service import LambdaService


class ApiGatewayService:
    """The WSGI application of the deployed API; it answers 503 until one is deployed."""

    def __init__(
        self, lambdas: LambdaService, guard: AccessGuard, client: Callable[[str], Any]
    ) -> None:
        """Invoke functions as `guard` permits; `client` gives the client of CloudWatch Logs."""
        self._lambdas = lambdas
        self._guard = guard
        self._client = client
        self._gateway: ApiGateway | None = None
        self._log_writer: AccessLogWriter | None = None

    def deploy(self, swagger: Mapping[str, Any], stage: ApiStage, api_id: str) -> None:
        """Serve the API that `swagger` describes, under the id that permissions name it by."""
        described = RestApi.from_swagger(swagger, stage=stage.name)
        api = replace(described, api_id=api_id, settings=stage)
        if stage.access_log is not None:
            self._log_writer = AccessLogWriter(self._client, stage.access_log.log_group)
            self._log_writer.start()
        self._gateway = ApiGateway(
            self._invoke,
            api,
            stream=self._stream,
            check_invoke=self._check_invoke,
            log=self._log_writer.write if self._log_writer else None,
        )

    def stop(self) -> None:
        """Write the pending lines of the access log."""
        if self._log_writer is not None:
            self._log_writer.stop()

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Answer one request."""
        if self._gateway is None:
            start_response("503 Service Unavailable", [("Content-Type", "application/json")])
            return [b'{"message":"Service Unavailable"}']
        return self._gateway(environ, start_response)

    def _check_invoke(self, name: str, source_arn: str) -> None:
        arn = self._lambdas.get_function_configuration({"FunctionName": name})["FunctionArn"]
        authorize_api_invoke(self._guard, str(arn), source_arn)

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
