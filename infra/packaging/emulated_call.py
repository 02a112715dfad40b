"""Call a handler of a bundle with an event: `python -I -S -B FILE BUNDLE HANDLER EVENT`.

Run by the Python of the bundles, which sees the standard library and one bundle. The answer, or
the class of the error with its bases, is printed as JSON on the last line.
"""

import importlib
import json
import sys
import traceback
from pathlib import Path


class Context:
    """The context object of an invocation, with the fields that functions read."""

    function_name = "emulated"
    function_version = "$LATEST"
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:emulated"
    memory_limit_in_mb = "1769"
    aws_request_id = "00000000-0000-0000-0000-000000000000"
    log_group_name = log_stream_name = "emulated"
    client_context = identity = None

    def get_remaining_time_in_millis(self) -> int:
        """Return ten minutes."""
        return 600_000


def main(bundle: str, handler: str, event: str) -> None:
    """Import the handler, and call it if there is an event."""
    sys.path.insert(0, bundle)
    module, _, name = handler.rpartition(".")
    function = getattr(importlib.import_module(module), name)
    told: dict[str, object] = {"imported": True}
    if event:
        try:
            told["answer"] = function(json.loads(Path(event).read_bytes()), Context())
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            traceback.print_exc()
            told["errors"] = [f"{each.__module__}.{each.__name__}" for each in type(error).mro()]
            told["message"] = str(error)
    sys.stdout.write(json.dumps(told, default=str) + "\n")


main(*sys.argv[1:])
