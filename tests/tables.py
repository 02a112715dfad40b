"""The local cloud's DynamoDB below boto3 clients in this process, without HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders

from localcloud.dynamodb.service import DynamoDbService
from localcloud.errors import AwsError
from localcloud.service import CloudContext
from localcloud.wire.responses import error_response
from localcloud.wire.service_models import service_model
from tests.clients import client


class _Body(BytesIO):
    """A response's body as botocore reads it."""

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


@contextmanager
def dynamodb_client(folder: Path) -> Iterator[Any]:
    """Yield a client of a DynamoDB whose tables are kept in `folder`."""
    service = DynamoDbService(CloudContext(folder, "http://127.0.0.1"))

    def answer(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        target = request.headers["X-Amz-Target"]
        operation = str(target.decode() if isinstance(target, bytes) else target)
        body: Any = request.body
        try:
            response = service.handle(operation.rpartition(".")[2], json.loads(body))
        except AwsError as error:
            response = error_response(service_model("dynamodb"), error, "request")
        assert isinstance(response.body, bytes)
        headers = HTTPHeaders()
        for name, value in response.headers.items():
            headers[name] = value
        raw: Any = _Body(response.body)
        return AWSResponse(str(request.url), response.status, headers, raw)

    asking = client("dynamodb")
    asking.meta.events.register("before-send.dynamodb", answer)
    try:
        yield asking
    finally:
        asking.close()
        service.close()
