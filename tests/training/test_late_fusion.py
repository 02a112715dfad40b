"""Late fusion: three classifiers that share nothing, misleading titles, a server without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from PIL import Image

from models.data import caption_tokens
from models.data.images import to_network
from models.datasets import products as grammar
from models.failures import BelowGate
from models.jobs import runner
from models.recipes.late_fusion.judgement import buyer_bias, evaluate
from models.recipes.late_fusion.network import Classifiers, loss
from models.recipes.late_fusion.parameters import Parameters
from models.recipes.late_fusion.rows import title_reader
from models.reference.losses import cross_entropy
from models.training import artefacts, recipe
from models.training.gates import missed_gates
from models.training_data import products
from models.training_data.captioned_pictures import PictureReader
from models.training_data.preparation import DataRequest, prepare
from tests.training.conftest import Channel, Laid, Smoke, signature_of

SERVING = """
import json, sys
from pathlib import Path
import numpy as np, onnxruntime
from tokenizers import Tokenizer
folder, (pixels, titles) = Path(sys.argv[1]), sys.argv[2:]
read = Tokenizer.from_file(str(folder / "tokenizer.json")).encode_batch(json.loads(titles))
given = {"image": np.load(pixels), "tokens": np.array([each.ids for each in read])}
told = {}
for graph in ("by_both", "by_image", "by_title"):
    session = onnxruntime.InferenceSession(str(folder / f"{graph}.onnx"))
    fed = {each.name: given[each.name] for each in session.get_inputs()}
    told[graph] = session.run(["probabilities"], fed)[0].tolist()
print(json.dumps({**told, "torch": "torch" in sys.modules}))
"""


def parameters() -> Parameters:
    settings = recipe.resolve(recipe.load("late_fusion"), "smoke")
    return Parameters.model_validate(settings.model_dump())


def batch(count: int = 6) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    said = torch.randint(4, 300, (count, 16))
    said[:, 9:] = caption_tokens.PAD
    return torch.rand(count, 3, 28, 28), said, torch.arange(count)


def test_the_loss_should_be_the_sum_of_three_cross_entropies() -> None:
    torch.manual_seed(0)
    network = Classifiers(parameters(), grammar.NAMES)
    image, said, labels = batch()
    measured = loss(network, (image, said, labels), 1)
    logits = network(image, said)
    for name in ("image", "title", "both"):
        wanted = cross_entropy(logits[name].detach().double().numpy(), labels.numpy())
        assert float(measured[name].detach()) == pytest.approx(wanted, rel=1e-5)
    parts = sum(float(measured[name].detach()) for name in ("image", "title", "both"))
    assert float(measured["loss"].detach()) == pytest.approx(parts)


@pytest.mark.parametrize("name", ["image", "title", "both"])
def test_each_classifier_should_learn_from_its_own_loss_alone(name: str) -> None:
    torch.manual_seed(0)
    network = Classifiers(parameters(), grammar.NAMES)
    loss(network, batch(), 1)[name].backward()
    moved = {key.split(".")[0] for key, each in network.named_parameters() if each.grad is not None}
    assert moved == {f"by_{name}"}


def test_a_title_should_not_depend_on_what_fills_it() -> None:
    torch.manual_seed(0)
    network = Classifiers(parameters(), grammar.NAMES).eval()
    _, said, _ = batch()
    with torch.no_grad():
        whole, cut = network.by_title(said), network.by_title(said[:, :9])
        nothing = network.by_title(torch.full((1, 16), caption_tokens.PAD))
    assert torch.allclose(whole, cut, atol=1e-6)
    assert nothing.isfinite().all()


def test_titles_should_be_as_honest_as_they_are_said_to_be() -> None:
    chance = Random(0)
    kinds: Counter[str] = Counter()
    for _ in range(4000):
        words = grammar.title("sneaker", chance)
        kinds[kind_of(words)] += 1
    shares = {kind: count / 4000 for kind, count in kinds.items()}
    wanted = {"own": 0.5, "shared": 0.25, "nothing": 0.15, "mistake": 0.1}
    assert shares == pytest.approx(wanted, abs=0.03)


def kind_of(title: str) -> str:
    """Tell what a sneaker's title says of it, by how it ends."""
    if title.endswith(grammar.OWN_WORDS["sneaker"]):
        return "own"
    if title.endswith(("footwear", "everyday piece")):
        return "shared"
    others = [
        word for name, words in grammar.OWN_WORDS.items() if name != "sneaker" for word in words
    ]
    return "mistake" if title.endswith(tuple(others)) else "nothing"


def test_products_should_be_those_of_the_package(channel: Channel) -> None:
    found = products.read(channel("products"))
    assert len(found.train.titles) == grammar.TRAINED
    assert len(found.test.titles) == grammar.JUDGED
    assert set(found.labels) == set(grammar.NAMES)
    first = [grammar.NAMES[number] for number in (9, 0, 0, 3, 0)]
    assert [found.labels[number] for number in found.train.classes[:5]] == first
    held_out = [grammar.NAMES[number] for number in (9, 2, 1, 1, 6)]
    assert [found.labels[number] for number in found.test.classes[:5]] == held_out
    with Image.open(found.test.paths[0]) as picture:
        assert (picture.size, picture.mode) == ((28, 28), "L")


def test_gains_should_be_paired_differences(smoke: Smoke) -> None:
    numbers = signature_of(smoke("late_fusion") / "finish" / "model")["metrics"]
    for alone in ("image", "title"):
        gain = numbers["accuracy_both"] - numbers[f"accuracy_{alone}"]
        assert numbers[f"gain_over_{alone}"] == pytest.approx(gain)
        low, high = (numbers[f"gain_over_{alone}_{end}"] for end in ("low", "high"))
        assert low < numbers[f"gain_over_{alone}"] < high


def test_what_always_tells_one_class_should_have_gained_nothing(channel: Channel) -> None:
    found = products.read(channel("products"))
    network = Classifiers(parameters(), grammar.NAMES).eval()
    with torch.no_grad():
        for classes in (
            network.by_image.classes,
            network.by_title.classes,
            network.by_both.classes[2],
        ):
            classes.weight.zero_()
            classes.bias.copy_(torch.eye(10)[3])
    numbers = evaluate(network, found, parameters()).numbers
    share = numbers["accuracy_title"]
    assert share == pytest.approx(float((found.test.classes == 3).mean()), abs=0.001)
    assert numbers["accuracy_both"] == numbers["accuracy_image"] == pytest.approx(share)
    assert numbers["gain_over_title"] == numbers["gain_over_title_low"] == 0
    assert numbers["both_where_image_fails"] == 0


def test_a_server_without_torch_should_say_what_the_network_says(
    smoke: Smoke, channel: Channel, tmp_path: Path
) -> None:
    folder = smoke("late_fusion") / "finish" / "model"
    data = products.read(channel("products"))
    pixels = to_network(PictureReader(data.test.paths, 28).pixels(range(4)))
    titles = data.test.titles[:4]
    np.save(tmp_path / "pixels.npy", pixels)
    done = subprocess.run(
        [sys.executable, "-c", SERVING, str(folder), tmp_path / "pixels.npy", json.dumps(titles)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert not told.pop("torch")
    found = artefacts.read_training(smoke("late_fusion") / "train" / "model", tmp_path)
    network = Classifiers(Parameters.model_validate(found.training.settings), data.labels)
    network.load_state_dict(dict(found.weights))
    reader = title_reader(data, parameters())
    with torch.no_grad():
        wanted = network.eval()(
            torch.from_numpy(pixels), torch.from_numpy(caption_tokens.encode_texts(reader, titles))
        )
    for graph, shares in told.items():
        logits = wanted[graph.removeprefix("by_")]
        assert np.array(shares) == pytest.approx(logits.softmax(1).numpy(), abs=1e-5)
    labels = json.loads((folder / "labels.json").read_text())
    assert labels == signature_of(folder)["constants"]["labels"] == sorted(grammar.NAMES)


def own_products(folder: Path, *, seen: bool = True, said: bool = True) -> Path:
    """Write a shop's table of 160 products with pictures, of four classes.

    The colour tells a class from half of the others, and so does the title, unless pictures are not
    to be `seen` or titles have nothing `said`: then the other tells all.
    """
    rng = np.random.default_rng(0)
    lines = ["image,title,category"]
    for number in range(160):
        shade, word = (number // 2) % 2, number % 2
        label = f"class {2 * shade + word}"
        pixels = rng.integers(0, 120, (20, 30, 3), np.uint8)
        shown = shade if seen else rng.integers(2)
        pixels[..., shown] += np.uint8(120)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        words = ["red", "long"] if said else ["plain", "plain"]
        title = f"{words[word]} no {number}" if seen else f"{label} no {number}"
        lines.append(f"{number}.png,{title},{label}")
    (folder / "shop.csv").write_text("\n".join(lines))
    return folder / "shop.csv"


def prepared(source: Path, into: Path) -> Path:
    """Prepare a shop's table as `headrace train --data` does."""
    request = DataRequest(
        source, "products", columns={"label": "category"}, licence="own", source="shop"
    )
    done = prepare(request, into)
    assert done.manifest is not None, done.report.problems
    return into


@pytest.mark.parametrize("seen", [True, False])
def test_own_products_should_pass_only_where_pictures_and_titles_say_more_together(
    laid: Laid, tmp_path: Path, seen: bool
) -> None:
    data = prepared(own_products(tmp_path, seen=seen), tmp_path / "channel")
    settings = {"steps": 60, "batch": 32, "learning_rate": 0.003, "dropout": 0.0, "width": 32}
    asked = {"recipe": "late_fusion", "preset": "tiny", **settings, "own_data": True}
    trained = laid(asked, {"training": data}, "train")
    runner.run_job(trained, {}, lambda _: None)
    channels = {"training": data, "model": trained.model}
    finish = laid({"task": "finish"}, channels, "finish")
    if not seen:
        with pytest.raises(BelowGate, match="gain_over_title_low"):
            runner.run_job(finish, {}, lambda _: None)
        return
    runner.run_job(finish, {}, lambda _: None)
    signature = signature_of(finish.model)
    assert signature["constants"]["labels"] == [f"class {number}" for number in range(4)]
    assert signature["metrics"]["accuracy_both"] > 0.9
    assert signature["metrics"]["gain_over_majority_low"] > 0
    assert "accuracy_gap" not in signature["metrics"]


def buyers(count: int) -> list[str]:
    """Return titles for women and for men in turn, and as many for nobody."""
    return [f"Norde {('women' if n % 2 else 'men')}'s parka" for n in range(2 * count)] + [
        "Norde soft parka"
    ] * count


def fairness_problems(numbers: dict[str, float], unknown: dict[str, str]) -> list[str]:
    gates = recipe.load("late_fusion").gates
    held = {name: gates[name] for name in ("accuracy_gap_high", "swap_changes_high")}
    return missed_gates(held, numbers, unknown)


def test_gates_should_refuse_what_is_right_for_one_buyer_only() -> None:
    titles = buyers(250)
    right = np.ones(len(titles))
    same = np.zeros(len(titles), bool)
    assert fairness_problems(*buyer_bias(titles, right, same)) == []
    biased = right.copy()
    biased[[row for row, title in enumerate(titles) if "women's" in title][:50]] = 0
    numbers, unknown = buyer_bias(titles, biased, same)
    assert (numbers["accuracy_for_women"], numbers["accuracy_for_men"]) == (0.8, 1)
    assert numbers["accuracy_gap"] == pytest.approx(0.2)
    assert "accuracy_gap_high is 0.25" in fairness_problems(numbers, unknown)[0]


def test_gates_should_refuse_what_the_word_for_a_buyer_decides() -> None:
    titles = buyers(250)
    changed = np.arange(len(titles)) % 6 < 1
    numbers, unknown = buyer_bias(titles, np.ones(len(titles)), changed)
    assert numbers["swap_changes"] == pytest.approx(1 / 6, abs=0.01)
    assert "swap_changes_high is 0.2" in fairness_problems(numbers, unknown)[0]


def test_gates_should_refuse_what_too_few_titles_tell() -> None:
    few = [title for title in buyers(250) if "women's" not in title] + ["Norde women's parka"] * 9
    told = buyer_bias(few, np.ones(len(few)), np.zeros(len(few), bool))
    reason = "women has 9 members, and 30 are the least"
    assert fairness_problems(*told) == [f"accuracy_gap_high cannot be told: {reason}"]
    nobody = buyer_bias(["soft parka"] * 9, np.ones(9), np.zeros(9, bool))
    assert len(fairness_problems(*nobody)) == 2


def test_a_title_should_be_that_of_the_other_buyer_and_back() -> None:
    title = "Norde women's dress"
    assert grammar.swapped(title) == "Norde men's dress"
    assert grammar.swapped(grammar.swapped(title)) == title
    assert grammar.swapped("Norde soft dress") == "Norde soft dress"
    assert [grammar.buyer(each) for each in ("a women's tee", "men's", "omen's tee")] == [
        *("women", "men", "")
    ]
