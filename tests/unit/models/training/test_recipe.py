from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from models.failures import BadRecipe, BelowGate
from models.training import recipe
from models.training.gates import Gate, missed_gates, require_gates
from models.training.recipe_gates import require_known_numbers
from models.training.targets import fallback_order, targets

VAE = recipe.FOLDER / "vae" / recipe.FILE


def changed(tmp_path: Path, **fields: object) -> Path:
    written = yaml.safe_load(VAE.read_text())
    for name, value in fields.items():
        if value is None:
            del written[name]
        else:
            written[name] = value
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(written))
    return path


@pytest.mark.parametrize("name", recipe.names())
def test_every_recipe_should_be_valid_in_every_preset(name: str) -> None:
    found = recipe.load(name)
    for preset in found.presets:
        settings = recipe.resolve(found, preset)
        assert settings.checkpoint_every <= settings.steps
    assert set(found.presets) == {"smoke", "tiny", "full"}
    for target in found.targets:
        assert fallback_order(target, found.targets)[0] == target


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"presetz": {}}, "presetz: unknown; the fields are name, family"),
        ({"dataset": None}, "dataset: Field required"),
        ({"metrics": {"kl": {"better": "lower", "about": "x"}}}, "metrics needs loss"),
        ({"presets": {"smoke": {}}}, "presets needs full, tiny"),
        ({"gates": {"fid": {}}}, "gates.fid: .*a gate needs least or most"),
        ({"targets": {"tpu": {}}}, "targets.tpu.*'cpu', 'gpu', 'trn1-xla' or 'trn2-native'"),
        ({"name": "VAE!"}, "name: String should match pattern"),
    ],
)
def test_should_name_the_field_of_a_recipe_that_is_wrong(
    tmp_path: Path, fields: dict[str, object], told: str
) -> None:
    with pytest.raises(BadRecipe, match=told):
        recipe.read(changed(tmp_path, **fields))


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        ({"stepz": 3}, "stepz: unknown; the fields are steps, batch"),
        ({"learning_rate": -1}, r"learning_rate: Input should be greater than 0 \(given -1\)"),
        ({"batch": "many"}, "batch: Input should be a valid integer"),
        ({"noise_variance": float("nan")}, "noise_variance: Input should be a finite number"),
    ],
)
def test_should_name_the_setting_that_is_wrong(overrides: dict[str, object], told: str) -> None:
    with pytest.raises(BadRecipe, match=told):
        recipe.resolve(recipe.load("vae"), "smoke", overrides)


def test_should_let_what_is_asked_win_over_the_preset_and_that_over_the_recipe() -> None:
    found = recipe.load("vae")
    settings = recipe.resolve(found, "smoke", {"steps": 7})
    assert settings.steps == 7
    assert settings.batch == found.presets["smoke"]["batch"]
    assert settings.model_dump()["side"] == found.parameters["side"]


def test_should_name_the_recipes_that_there_are() -> None:
    with pytest.raises(BadRecipe, match=r"no recipe 'vea'; there are .*vae"):
        recipe.load("vea")


def test_should_say_which_file_is_no_yaml(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("name: [")
    with pytest.raises(BadRecipe, match=r"recipe\.yaml cannot be read"):
        recipe.read(path)


def test_should_fall_back_to_what_the_recipe_allows() -> None:
    assert fallback_order("trn1-xla", ["cpu", "gpu", "trn1-xla"]) == ["trn1-xla", "gpu", "cpu"]
    assert fallback_order("trn2-native", ["cpu", "trn2-native"]) == ["trn2-native", "cpu"]
    with pytest.raises(BadRecipe, match="does not train on 'gpu'"):
        fallback_order("gpu", ["cpu"])


def test_every_target_should_have_a_source_and_a_way_down_to_the_cpu() -> None:
    for name, target in targets().items():
        assert target.source.startswith("https://")
        assert fallback_order(name, targets())[-1] == "cpu"


def test_a_gate_should_hold_from_its_bound_on() -> None:
    gates = {"accuracy": Gate(least=0.9), "fid": Gate(most=5)}
    require_gates(gates, {"accuracy": 0.9, "fid": 5.0})
    assert missed_gates(gates, {"accuracy": 0.89, "fid": float("nan")}) == [
        "accuracy is 0.89 and has to be 0.9 at least",
        "fid is nan and has to be a finite number",
    ]
    assert missed_gates(gates, {"accuracy": float("inf")}) == [
        "accuracy is inf and has to be a finite number",
        "fid was not measured",
    ]
    with pytest.raises(BelowGate, match="fid is 6 and may be 5 at most"):
        require_gates(gates, {"accuracy": 1.0, "fid": 6.0})


@pytest.mark.parametrize("name", recipe.names(with_base_model=False))
def test_every_recipe_should_have_its_parts_and_a_card_of_the_tiny_preset(name: str) -> None:
    room = recipe.FOLDER / name
    for part in ("parameters", "recipe"):
        assert (room / f"{part}.py").is_file(), part
    card = (room / "CARD.md").read_text()
    assert card.startswith(f"# {name}-tiny\n")
    for picture in re.findall(r"!\[\w+\]\(([^)]+)\)", card):
        assert (room / picture).read_bytes().startswith(b"\x89PNG")
    found = recipe.load(name)
    gates = found.gates
    shown = dict(re.findall(r"^\| (\w+) \| ([-0-9.e+]+) \| [^|]*\|$", card, re.MULTILINE))
    told = missed_gates(gates, {gate: float(shown[gate]) for gate in gates})
    assert ("**It misses its gates and may not serve:**" in card) == bool(told)
    assert {each.split()[0] for each in told} <= set(found.known_misses), told


@pytest.mark.parametrize("path", sorted(recipe.FOLDER.glob("*/CARD.md")), ids=str)
def test_a_recipe_should_name_all_numbers_of_its_card(path: Path) -> None:
    evaluation = path.read_text().partition("## Evaluation")[2].partition("\n## ")[0]
    numbers = re.findall(r"^\| (\w+) \| [-0-9.e+]+ \| [^|]*\|$", evaluation, re.MULTILINE)
    assert numbers
    found = recipe.load(path.parent.name)
    require_known_numbers(found, numbers)
    for name in found.intervals:
        ends = {f"{name}_low", f"{name}_high"}
        assert name not in numbers or ends <= {*numbers}, name


def test_should_say_what_is_wrong_with_a_list_once_and_what_is_no_json() -> None:
    tuning = recipe.load("reinforcement_tuning")
    with pytest.raises(
        BadRecipe, match=r"^reinforcement_tuning, .*: rewards\.0: .*'exact'"
    ) as found:
        recipe.resolve(tuning, "tiny", {"rewards": [{"type": "llm_judge"}]})
    assert "at least 1 item" not in str(found.value)
    with pytest.raises(BadRecipe, match=r"rewards: is no JSON: Expecting ',' delimiter"):
        recipe.resolve(tuning, "tiny", {"rewards": '[{"type":"numeric"'})
    with pytest.raises(BadRecipe, match=r"rewards: Tuple should have at least 1 item"):
        recipe.resolve(tuning, "tiny", {"rewards": []})
