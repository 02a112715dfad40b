"""Operations that AWS Lambda has and the local cloud refuses, each with the reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.errors import AwsError
from localcloud.service import Params, Result


def _refused(operation: str, why: str) -> Callable[[Any, Params], Result]:
    def refuse(_service: object, _params: Params) -> Result:
        raise AwsError("UnsupportedOperation", f"The local cloud refuses {operation}: {why}", 501)

    return refuse


def _template_only(operation: str) -> Callable[[Any, Params], Result]:
    return _refused(
        operation,
        "functions and their settings come from infra/template only; change it and start "
        "the local cloud again.",
    )


def _unpublished(operation: str) -> Callable[[Any, Params], Result]:
    return _refused(operation, "functions have no versions or aliases here, only $LATEST.")


class Refusals:
    """The refused operations, as methods of the service."""

    create_function = _template_only("CreateFunction")
    delete_function = _template_only("DeleteFunction")
    update_function_code = _template_only("UpdateFunctionCode")
    update_function_configuration = _template_only("UpdateFunctionConfiguration")
    put_function_concurrency = _template_only("PutFunctionConcurrency")
    delete_function_concurrency = _template_only("DeleteFunctionConcurrency")
    put_function_event_invoke_config = _template_only("PutFunctionEventInvokeConfig")
    update_function_event_invoke_config = _template_only("UpdateFunctionEventInvokeConfig")
    delete_function_event_invoke_config = _template_only("DeleteFunctionEventInvokeConfig")
    tag_resource = _template_only("TagResource")
    untag_resource = _template_only("UntagResource")
    publish_version = _unpublished("PublishVersion")
    create_alias = _unpublished("CreateAlias")
    update_alias = _unpublished("UpdateAlias")
    delete_alias = _unpublished("DeleteAlias")
    invoke_async = _refused("InvokeAsync", "it is deprecated; use Invoke with type Event.")
