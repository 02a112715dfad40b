"""State machine definitions with the policies of their sources expanded.

A source in `statemachines/` is Amazon States Language, but a state's `Retry` and `Catch` may name
policies of `statemachines/policies.json` instead of repeating them:

    "Retry": ["lambda", "worker-exit"],
    "Catch": ["record-rejection", "record-failure"]

Each name is replaced by the policy's retrier or catcher, in order; objects stay as they are. In a
policy, the string `@state` is replaced by the name of the state. Everything downstream, the
template, the local cloud and the tests, reads the expanded definition.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Definition = dict[str, Any]

POLICIES = "policies.json"
STATE_NAME = "@state"
SUFFIX = ".asl.json"
_KINDS = ("Retry", "Catch")
_FOLDER = Path(__file__).resolve().parents[2] / "statemachines"


class PolicyError(ValueError):
    """Raised when a state names a policy that `policies.json` does not define."""


def read_definition(file: Path) -> Definition:
    """Return the expanded definition of a source file, whose folder has the policies.

    Raises:
        PolicyError: A state names an unknown policy; the message names file, state and policy.
    """
    policies = json.loads((file.parent / POLICIES).read_text())
    definition: Definition = json.loads(file.read_text())
    try:
        expand(definition, policies)
    except PolicyError as error:
        raise PolicyError(f"{file.name}: {error}") from error
    return definition


def expand(definition: Definition, policies: Mapping[str, Any]) -> None:
    """Replace the names of policies in every state of `definition`, in place."""
    for name, state in states_of(definition):
        for kind in _KINDS:
            if kind in state:
                known = policies.get(kind, {})
                state[kind] = [
                    _policy(rule, known, f"{name}.{kind}", name) for rule in _listed(state[kind])
                ]


def states_of(flow: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the states of a flow by name, those of its Maps and Parallel branches included."""
    for name, state in flow["States"].items():
        yield name, state
        for inner in (state.get("ItemProcessor"), *state.get("Branches", ())):
            if inner is not None:
                yield from states_of(inner)


def policy_names(definition: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Return the policies that an unexpanded definition names, each as (kind, name)."""
    return {
        (kind, rule)
        for _, state in states_of(definition)
        for kind in _KINDS
        for rule in _listed(state.get(kind, ()))
        if isinstance(rule, str)
    }


def _listed(rules: Any) -> Sequence[Any]:
    return [rules] if isinstance(rules, str) else rules


def _policy(rule: Any, known: Mapping[str, Any], place: str, state: str) -> Any:
    if not isinstance(rule, str):
        return rule
    if rule not in known:
        raise PolicyError(f"{place} names the policy {rule!r}; there are {', '.join(known)}.")
    return _with_state_name(known[rule], state)


def _with_state_name(value: Any, state: str) -> Any:
    """Return a copy of a policy in which `@state` is the name of the state."""
    if isinstance(value, dict):
        return {key: _with_state_name(each, state) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_state_name(each, state) for each in value]
    return state if value == STATE_NAME else value


def main(arguments: list[str] | None = None) -> int:
    """Print the expanded definition of a state machine, or write those of all into a folder."""
    names = sorted(file.name.removesuffix(SUFFIX) for file in _FOLDER.glob(f"*{SUFFIX}"))
    parser = argparse.ArgumentParser(
        prog="python -m infra.synthesis.state_machines", description=main.__doc__
    )
    parser.add_argument("name", nargs="?", choices=names, help="the state machine to print")
    parser.add_argument("--into", type=Path, metavar="FOLDER", help="write all of them there")
    chosen = parser.parse_args(arguments)
    if (chosen.name is None) == (chosen.into is None):
        parser.error("name one state machine, or a folder by --into")
    if chosen.name:
        print(_text(chosen.name))  # noqa: T201 - the output of the command
        return 0
    chosen.into.mkdir(parents=True, exist_ok=True)
    for name in names:
        (chosen.into / f"{name}{SUFFIX}").write_text(_text(name) + "\n")
    return 0


def _text(name: str) -> str:
    return json.dumps(read_definition(_FOLDER / f"{name}{SUFFIX}"), indent=2, ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(main())
