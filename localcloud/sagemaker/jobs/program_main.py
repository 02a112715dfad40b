"""The first script of a job's process, which then executes the job's program.

It uses the standard library only. The process must not outlive the local cloud: on Linux the kernel
kills it with the thread that started it, also after it has executed another program.
"""

import ctypes
import json
import os
import sys

_PR_SET_PDEATHSIG = 1
_SIGKILL = 9


def _main() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _SIGKILL)
    if os.getppid() != int(sys.argv[1]):
        os._exit(1)
    program = os.environ["SAGEMAKER_PROGRAM"]
    arguments = json.loads(os.environ.get("SAGEMAKER_PROGRAM_ARGUMENTS", "[]"))
    os.execv(sys.executable, [sys.executable, "-u", program, *arguments])  # noqa: S606


if __name__ == "__main__":
    _main()
