"""Moves the clock of a Python process whose environment says by how many seconds.

Python imports a module of this name at its start, here because the folder is on PYTHONPATH: so a
process keeps its clock also when it executes another program. Beside time-machine it uses the
standard library only, as nothing of the local cloud is in a function's process.
https://docs.python.org/3/library/site.html#module-sitecustomize
"""

import os
import sys
import time

_OFFSET = "HEADRACE_CLOCK_OFFSET"


def _travel(seconds: float) -> None:
    # Time-machine would import pytest for its plugin where that is installed.
    sys.modules["pytest"] = None  # type: ignore[assignment]
    try:
        import time_machine
    except ImportError:
        sys.stderr.write(
            f"{sys.executable} lacks time-machine, which moves its clock. Update the environment"
            " with `make setup`, or `make training` for jobs.\n"
        )
        sys.stderr.flush()
        os._exit(1)
    finally:
        del sys.modules["pytest"]
    time_machine.travel(time.time() + seconds, tick=True).start()


if _OFFSET in os.environ:
    _travel(float(os.environ[_OFFSET]))
