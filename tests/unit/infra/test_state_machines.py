"""Sources of state machines name policies; what everybody else reads has them put in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.synthesis.state_machines import PolicyError, expand, main, policy_names, read_definition
from tests.cloud import PROJECT

RETRY = {"ErrorEquals": ["Transient"], "MaxAttempts": 5}
CATCH = {"ErrorEquals": ["States.ALL"], "Next": "Record", "Assign": {"at": ["@state"]}}
POLICIES = {"Retry": {"lambda": RETRY}, "Catch": {"record": CATCH}}
OWN = {"ErrorEquals": ["Conflict"], "Next": "Merge"}


def flow(**states: Any) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


def test_a_name_should_become_its_policy_between_what_is_written_out() -> None:
    definition = flow(Read={"Retry": ["lambda"], "Catch": [OWN, "record"]})
    expand(definition, POLICIES)
    read = definition["States"]["Read"]
    assert read["Retry"] == [RETRY]
    assert read["Catch"] == [OWN, {**CATCH, "Assign": {"at": ["Read"]}}]


def test_one_name_should_do_without_a_list() -> None:
    definition = flow(Read={"Retry": "lambda"})
    expand(definition, POLICIES)
    assert definition["States"]["Read"]["Retry"] == [RETRY]


def test_states_of_maps_and_branches_should_have_their_own_names_in_policies() -> None:
    task = {"Catch": "record"}
    definition = flow(
        Each={"ItemProcessor": flow(Item=dict(task))},
        Both={"Branches": [flow(Left=dict(task)), flow(Right=dict(task))]},
    )
    expand(definition, POLICIES)
    states = definition["States"]
    inner = [states["Each"]["ItemProcessor"], *states["Both"]["Branches"]]
    named = [
        state["Catch"][0]["Assign"]["at"] for each in inner for state in each["States"].values()
    ]
    assert named == [["Item"], ["Left"], ["Right"]]


def test_a_policy_should_not_be_changed_by_the_states_that_name_it() -> None:
    before = json.dumps(POLICIES)
    expand(flow(Read={"Catch": "record"}, Write={"Catch": "record"}), POLICIES)
    assert json.dumps(POLICIES) == before


def test_an_unknown_policy_should_be_refused_with_file_state_and_those_that_there_are(
    tmp_path: Path,
) -> None:
    (tmp_path / "policies.json").write_text(json.dumps(POLICIES))
    file = tmp_path / "read.asl.json"
    file.write_text(json.dumps(flow(Read={"Retry": "lambada"})))
    with pytest.raises(PolicyError, match=r"read.asl.json: Read.Retry .* 'lambada'.* lambda"):
        read_definition(file)


def test_the_names_of_policies_should_be_found_in_every_flow() -> None:
    definition = flow(Each={"Retry": "a", "ItemProcessor": flow(Item={"Catch": ["b", OWN]})})
    assert policy_names(definition) == {("Retry", "a"), ("Catch", "b")}


def test_the_command_should_print_one_machine_or_write_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ingest"]) == 0
    printed = capsys.readouterr().out
    assert main(["--into", str(tmp_path)]) == 0
    assert (tmp_path / "ingest.asl.json").read_text() == printed
    assert {file.name for file in tmp_path.iterdir()} == {
        file.name for file in (PROJECT / "statemachines").glob("*.asl.json")
    }
    with pytest.raises(SystemExit):
        main([])
