"""The loop of a function that streams: Lambda's Runtime API, spoken by ourselves.

The Python runtime that AWS manages hands an answer over in one piece, so a function that streams
is started through `AWS_LAMBDA_EXEC_WRAPPER` and runs this instead.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html#runtime-wrapper
"""

from __future__ import annotations

import base64
import json
import traceback
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from typing import Any

from chalicelib.contracts.http import Streamed

_BASE = "/2018-06-01/runtime/invocation"
_HTTP_INTEGRATION = "application/vnd.awslambda.http-integration-response"
_DELIMITER = b"\0" * 8
_ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
_ERROR_BODY = "Lambda-Runtime-Function-Error-Body"
Handler = Callable[[dict[str, Any]], Streamed]


def serve(handler: Handler, address: str, *, stop: Callable[[], bool] = lambda: False) -> None:
    """Answer invocations from the Runtime API at `address` until `stop` says so.

    What `handler` raises before it returns is the function's error. What its body raises ends
    the stream with an error, after what was sent.
    """
    while not stop():
        request_id, event = _next(address)
        try:
            answer = handler(event)
        except Exception as error:  # noqa: BLE001 - the runtime reports whatever a handler raises
            _fail(address, request_id, error)
        else:
            _send(address, request_id, answer)


def _next(address: str) -> tuple[str, dict[str, Any]]:
    connection = HTTPConnection(address)
    connection.request("GET", f"{_BASE}/next")
    response = connection.getresponse()
    event: dict[str, Any] = json.loads(response.read())
    connection.close()
    return response.headers["Lambda-Runtime-Aws-Request-Id"], event


def _send(address: str, request_id: str, answer: Streamed) -> None:
    connection = HTTPConnection(address)
    connection.putrequest("POST", f"{_BASE}/{request_id}/response")
    connection.putheader("Content-Type", _HTTP_INTEGRATION)
    connection.putheader("Lambda-Runtime-Function-Response-Mode", "streaming")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.putheader("Trailer", f"{_ERROR_TYPE}, {_ERROR_BODY}")
    connection.endheaders()
    trailers: dict[str, str] = {}
    try:
        for piece in _pieces(answer):
            connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))
    except OSError:
        connection.close()
        raise
    except Exception as error:  # noqa: BLE001 - the runtime reports whatever a body raises
        trailers = _trailers(error)
    ending = "".join(f"{name}: {value}\r\n" for name, value in trailers.items())
    connection.send(f"0\r\n{ending}\r\n".encode())
    connection.getresponse().read()
    connection.close()


def _pieces(answer: Streamed) -> Iterator[bytes]:
    head = {"statusCode": answer.head.status, "headers": dict(answer.head.headers)}
    yield json.dumps(head).encode() + _DELIMITER
    for piece in answer.body:
        if piece:
            yield piece


def _fail(address: str, request_id: str, error: Exception) -> None:
    connection = HTTPConnection(address)
    headers = {"Content-Type": "application/json", _ERROR_TYPE: type(error).__name__}
    body = json.dumps(_document(error)).encode()
    connection.request("POST", f"{_BASE}/{request_id}/error", body, headers)
    connection.getresponse().read()
    connection.close()


def _trailers(error: Exception) -> dict[str, str]:
    body = base64.b64encode(json.dumps(_document(error)).encode()).decode()
    return {_ERROR_TYPE: type(error).__name__, _ERROR_BODY: body}


def _document(error: Exception) -> dict[str, Any]:
    frames = traceback.format_exception(error)
    return {
        "errorType": type(error).__name__,
        "errorMessage": str(error),
        "stackTrace": frames[-10:],
    }
