"""The first code of an execution environment; runs AWS's runtime interface client.

It is started as a script with the standard library only, so that nothing of the local cloud is
in the function's process. It must not outlive the local cloud: the kernel kills it with the
thread that started it (Linux), and the client exits when the Runtime API is gone.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1
_SIGKILL = 9


def _die_with_parent(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _exec_wrapper() -> None:
    """Replace this process by the function's wrapper script, if it has one.

    Like AWS, start it with the command of the runtime as its arguments.
    https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html#runtime-wrapper
    """
    wrapper = os.environ.get("AWS_LAMBDA_EXEC_WRAPPER")
    if wrapper:
        os.execv(wrapper, [wrapper, sys.executable, "-m", "awslambdaric"])  # noqa: S606


def _main() -> None:
    _die_with_parent(int(sys.argv[1]))
    task_root, handler = os.environ["LAMBDA_TASK_ROOT"], os.environ["_HANDLER"]
    _exec_wrapper()
    sys.path.insert(0, task_root)
    sys.argv[:] = ["bootstrap.py", handler]
    from awslambdaric.__main__ import main

    main(sys.argv)


if __name__ == "__main__":
    _main()
