"""Mutants of programs by Cosmic Ray, as a process of the environment that it is installed in.

Reads programs by name from standard input, and writes to standard output each mutant that one
change of one of Cosmic Ray's operators makes of the part after `body_at`.
"""

from __future__ import annotations

import json
import sys

from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

MAX_OCCURRENCES = 1000


def mutants(code: str, body_at: int) -> list[dict[str, str]]:
    """Return the mutants of a program whose first `body_at` characters are as they were."""
    found: dict[str, str] = {}
    for name in sorted(operator_names()):
        try:
            operator = get_operator(name)()
        except TypeError:  # Some replace what their arguments name.
            continue
        for occurrence in range(MAX_OCCURRENCES):
            mutant = mutate_code(code, operator, occurrence)
            if mutant is None:
                break
            if mutant != code and mutant[:body_at] == code[:body_at]:
                found.setdefault(mutant, f"{name.removeprefix('core/')} {occurrence}")
    return [{"operator": operator, "code": code} for code, operator in found.items()]


def main() -> None:
    """Answer the programs on standard input."""
    programs = json.load(sys.stdin)
    json.dump({name: mutants(*program) for name, program in programs.items()}, sys.stdout)


if __name__ == "__main__":
    main()
