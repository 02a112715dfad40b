"""The function that runs code, asked by whoever was answered with code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.adapters.function_invocations import invoke_function
from chalicelib.contracts.functions.run_code import CodeTests, RunCodeRequest, RunCodeResult

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


class RunCodeFunction:
    """The function `run_code`. Its client's timeout bounds the wait."""

    def __init__(self, client: LambdaClient, name: str) -> None:
        self._client = client
        self._name = name

    def run(self, code: str, judged_by: CodeTests, correlation_id: str) -> RunCodeResult:
        """Return the verdict on `code`.

        Raises what the function raised where it is one of our errors, `Transient` where the
        function itself failed, timed out or was killed, and `ModelFailure` for a wrong answer.
        """
        request = RunCodeRequest(code=code, judged_by=judged_by, correlation_id=correlation_id)
        return invoke_function(self._client, self._name, request, "code running", RunCodeResult)
