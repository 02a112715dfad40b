"""Compile folders to bytecode: `python -S -P compiler_process.py`, pairs in JSON as input.

Of each pair, the sources below the first are compiled into the second. The Python of the bundles
runs this file, which must therefore import nothing of ours.

Each pair gets a process of its own, as many at once as there are processors. What a process
compiled before can show in later bytecode (in which objects it shares), and each of these starts as
empty as the others, so that bytecode depends on the folder alone.
"""

import json
import os
import sys
from pathlib import Path
from py_compile import PycInvalidationMode, PyCompileError
from py_compile import compile as compile_file


def compile_folder(sources: Path, bytecode: Path) -> bool:
    """Compile every source and return whether all compiled; print the errors of the others.

    Code names its file by the path inside the folder.
    """
    whole = True
    for file in sorted(sources.rglob("*.py")):
        inside = file.relative_to(sources)
        name = f"{file.stem}.{sys.implementation.cache_tag}.pyc"
        compiled = bytecode / inside.parent / "__pycache__" / name
        try:
            compile_file(
                str(file),
                str(compiled),
                str(inside),
                doraise=True,
                invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
            )
        except (PyCompileError, ValueError) as error:
            print(f"{file}: {error}")  # noqa: T201 - the caller reads it
            whole = False
    return whole


def main() -> int:
    """Compile the folders given on standard input; return 1 if a source did not compile."""
    waiting = json.load(sys.stdin)
    running = failed = 0
    while waiting or running:
        if waiting and running < (os.cpu_count() or 1):
            sources, bytecode = waiting.pop(0)
            if os.fork() == 0:
                whole = compile_folder(Path(sources), Path(bytecode))
                sys.stdout.flush()
                os._exit(not whole)
            running += 1
        else:
            _, status = os.wait()
            running -= 1
            failed |= status
    return int(failed != 0)


if __name__ == "__main__":
    sys.exit(main())
