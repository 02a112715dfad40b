"""One cold start, in a process that sees the standard library and one bundle.

`python -I -S -B coldstart_child.py BUNDLE HANDLER ANSWER` with the event on standard input; the
measurements are written to the file ANSWER, since the function may print. A function that uses the
Runtime API by itself gets no event here: it takes one from AWS_LAMBDA_RUNTIME_API, which hangs up
after the answer.
"""

import contextlib
import json
import os
import sys
import time

WALL, CORE = time.perf_counter(), time.process_time()


class Context:
    """The context that AWS passes to a handler besides the event."""

    aws_request_id = "00000000-0000-0000-0000-000000000000"
    function_name = "bench"
    function_version = "$LATEST"
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:bench"
    memory_limit_in_mb = "512"
    log_group_name = "/aws/lambda/bench"
    log_stream_name = "bench"

    def get_remaining_time_in_millis(self) -> int:
        """Return half a minute."""
        return 30_000


def _outcome(handler: object, event: object) -> object:
    """Return the handler's answer, or the name of its error."""
    try:
        return handler(event, Context())  # type: ignore[operator]
    except Exception as error:  # noqa: BLE001 - the benchmark decides which may be
        return {"errorType": type(error).__name__, "errorMessage": str(error)}


def _streamed(handler: object) -> object:
    """Serve the Runtime API until it hangs up."""
    from chalicelib.adapters.lambda_runtime import serve  # of the bundle

    with contextlib.suppress(OSError, ValueError):
        serve(handler, os.environ["AWS_LAMBDA_RUNTIME_API"])  # type: ignore[arg-type]
    return {}


def _main(bundle: str, name: str, answer: str) -> None:
    event = json.load(sys.stdin)
    wall, core = time.perf_counter(), time.process_time()
    sys.path.insert(0, bundle)
    module, _, attribute = name.rpartition(".")
    handler = getattr(__import__(module, fromlist=[attribute]), attribute)
    imported_wall, imported_core = time.perf_counter(), time.process_time()
    streams = "AWS_LAMBDA_RUNTIME_API" in os.environ
    outcome = _streamed(handler) if streams else _outcome(handler, event)
    ended_wall, ended_core = time.perf_counter(), time.process_time()
    spent = {
        "interpreter": CORE,
        "import core": imported_core - core,
        "import wall": imported_wall - wall,
        "first core": ended_core - imported_core,
        "first wall": ended_wall - imported_wall,
        "outcome": outcome,
    }
    with open(answer, "w") as file:
        json.dump(spent, file, default=str)


if __name__ == "__main__":
    _main(*sys.argv[1:])
