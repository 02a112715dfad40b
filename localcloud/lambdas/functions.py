"""The operations on functions and their settings, which only the template changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.errors import AwsError, unsupported
from localcloud.lambdas.registry import FunctionRegistry, RegisteredFunction
from localcloud.lambdas.spec import LATEST, describe_configuration
from localcloud.pagination import marker_page
from localcloud.service import Params, Result

_CODE_STORAGE_BYTES = 75 * 1024**3
"""https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""


class FunctionOperations:
    """The operations that read functions."""

    def __init__(self, registry: FunctionRegistry, concurrency: int) -> None:
        """Read the functions of `registry`, of which `concurrency` may run at once."""
        self._registry = registry
        self._concurrency = concurrency

    def get_function(self, params: Params) -> Result:
        """Answer GetFunction."""
        function = self._find(params)
        result: dict[str, Any] = {
            "Configuration": describe(function),
            "Code": {"RepositoryType": "Local", "Location": function.spec.code_path.as_uri()},
        }
        if function.spec.tags:
            result["Tags"] = dict(function.spec.tags)
        if function.spec.reserved_concurrency is not None:
            result["Concurrency"] = self.get_function_concurrency(params)
        return result

    def get_function_configuration(self, params: Params) -> Result:
        """Answer GetFunctionConfiguration."""
        return describe(self._find(params))

    def list_functions(self, params: Params) -> Result:
        """Answer ListFunctions."""
        for name in set(params) - {"Marker", "MaxItems"}:
            raise unsupported("Lambda", f"the parameter {name} of ListFunctions")
        functions = [describe(function) for function in self._registry.all()]
        return marker_page("Functions", functions, params, lambda each: str(each["FunctionName"]))

    def list_tags(self, params: Params) -> Result:
        """Answer ListTags."""
        return {"Tags": dict(self._registry.find(str(params["Resource"])).spec.tags)}

    def get_function_concurrency(self, params: Params) -> Result:
        """Answer GetFunctionConcurrency."""
        reserved = self._find(params).spec.reserved_concurrency
        return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}

    def get_account_settings(self, _params: Params) -> Result:
        """Answer GetAccountSettings: the account's limits and what is used of them.

        The code of functions takes no storage of the account's, as it is on this disk.
        """
        functions = list(self._registry.all())
        reserved = sum(each.spec.reserved_concurrency or 0 for each in functions)
        return {
            "AccountLimit": {
                "TotalCodeSize": _CODE_STORAGE_BYTES,
                "CodeSizeUnzipped": 250 * 1024**2,
                "CodeSizeZipped": 50 * 1024**2,
                "ConcurrentExecutions": self._concurrency,
                "UnreservedConcurrentExecutions": max(0, self._concurrency - reserved),
            },
            "AccountUsage": {"TotalCodeSize": 0, "FunctionCount": len(functions)},
        }

    def get_function_recursion_config(self, params: Params) -> Result:
        """Answer GetFunctionRecursionConfig."""
        return {"RecursiveLoop": self._find(params).spec.recursive_loop}

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

    def _find(self, params: Params) -> RegisteredFunction:
        return self._registry.find(str(params["FunctionName"]), params.get("Qualifier"))


def describe(function: RegisteredFunction) -> dict[str, Any]:
    """Return a function as GetFunctionConfiguration shows it."""
    return describe_configuration(function.spec, function.arn, function.modified)


def _refuse(operation: str, reason: str) -> Callable[[Any, Params], Result]:
    def refuse(_service: object, _params: Params) -> Result:
        raise AwsError(
            "UnsupportedOperation", f"The local cloud refuses {operation}: {reason}", 501
        )

    return refuse


def _template_only(operation: str) -> Callable[[Any, Params], Result]:
    return _refuse(
        operation,
        "functions and their settings come from infra/template only; change it and start "
        "the local cloud again.",
    )


def _unpublished(operation: str) -> Callable[[Any, Params], Result]:
    return _refuse(operation, "functions have no versions or aliases here, only $LATEST.")


class UnsupportedOperations:
    """Operations of AWS Lambda that the local cloud refuses, each with its reason."""

    put_function_concurrency = _template_only("PutFunctionConcurrency")
    delete_function_concurrency = _template_only("DeleteFunctionConcurrency")
    put_function_recursion_config = _template_only("PutFunctionRecursionConfig")
    put_function_event_invoke_config = _template_only("PutFunctionEventInvokeConfig")
    update_function_event_invoke_config = _template_only("UpdateFunctionEventInvokeConfig")
    delete_function_event_invoke_config = _template_only("DeleteFunctionEventInvokeConfig")
    tag_resource = _template_only("TagResource")
    untag_resource = _template_only("UntagResource")
    publish_version = _unpublished("PublishVersion")
    create_alias = _unpublished("CreateAlias")
    update_alias = _unpublished("UpdateAlias")
    delete_alias = _unpublished("DeleteAlias")
    invoke_async = _refuse("InvokeAsync", "it is deprecated; use Invoke with type Event.")
