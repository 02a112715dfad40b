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

from models.data import caption_tokens, captions
from models.datasets import products
from models.failures import BadData
from models.jobs import runner
from models.recipes.late_fusion.network import Classifiers, loss
from models.recipes.late_fusion.parameters import Parameters
from models.recipes.late_fusion.recipe import buyer_bias, evaluate
from models.reference.losses import cross_entropy
from models.training import artefacts, recipe
from models.training.gates import missed_gates
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
    return torch.rand(count, 1, 28, 28), said, torch.arange(count)


def test_the_loss_should_be_the_sum_of_three_cross_entropies() -> None:
    torch.manual_seed(0)
    network = Classifiers(parameters())
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
    network = Classifiers(parameters())
    loss(network, batch(), 1)[name].backward()
    moved = {key.split(".")[0] for key, each in network.named_parameters() if each.grad is not None}
    assert moved == {f"by_{name}"}


def test_a_title_should_not_depend_on_what_fills_it() -> None:
    torch.manual_seed(0)
    network = Classifiers(parameters()).eval()
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
        words = products.title("sneaker", chance)
        kinds[kind_of(words)] += 1
    shares = {kind: count / 4000 for kind, count in kinds.items()}
    wanted = {"own": 0.5, "shared": 0.25, "nothing": 0.15, "mistake": 0.1}
    assert shares == pytest.approx(wanted, abs=0.03)


def kind_of(title: str) -> str:
    """Tell what a sneaker's title says of it, by how it ends."""
    if title.endswith(products.OWN_WORDS["sneaker"]):
        return "own"
    if title.endswith(("footwear", "everyday piece")):
        return "shared"
    others = [
        word for name, words in products.OWN_WORDS.items() if name != "sneaker" for word in words
    ]
    return "mistake" if title.endswith(tuple(others)) else "nothing"


def test_products_should_be_those_of_the_package(channel: Channel) -> None:
    found = captions.read(channel("products"))
    assert found.images.train.images.shape == (products.TRAINED, 28, 28, 1)
    assert found.images.test.images.shape == (products.JUDGED, 28, 28, 1)
    assert found.images.train.labels[:5].tolist() == [9, 0, 0, 3, 0]
    assert found.images.test.labels[:5].tolist() == [9, 2, 1, 1, 6]
    assert found.images.names[9] == "ankle boot"


def test_gains_should_be_paired_differences(smoke: Smoke) -> None:
    numbers = signature_of(smoke("late_fusion") / "finish" / "model")["metrics"]
    for alone in ("image", "title"):
        gain = numbers["accuracy_both"] - numbers[f"accuracy_{alone}"]
        assert numbers[f"gain_over_{alone}"] == pytest.approx(gain)
        low, high = (numbers[f"gain_over_{alone}_{end}"] for end in ("low", "high"))
        assert low < numbers[f"gain_over_{alone}"] < high


def test_what_always_tells_one_class_should_have_gained_nothing(channel: Channel) -> None:
    found = captions.read(channel("products"))
    network = Classifiers(parameters()).eval()
    with torch.no_grad():
        for classes in (
            network.by_image.classes,
            network.by_title.classes,
            network.by_both.classes[2],
        ):
            classes.weight.zero_()
            classes.bias.copy_(torch.eye(10)[3])
    numbers = evaluate(network, found, parameters()).numbers
    share = float((found.images.test.labels == 3).mean())
    assert numbers["accuracy_both"] == numbers["accuracy_image"] == pytest.approx(share)
    assert numbers["gain_over_title"] == numbers["gain_over_title_low"] == 0
    assert numbers["both_where_image_fails"] == 0


def test_a_server_without_torch_should_say_what_the_network_says(
    smoke: Smoke, channel: Channel, tmp_path: Path
) -> None:
    folder = smoke("late_fusion") / "finish" / "model"
    data = captions.read(channel("products"))
    pixels, titles = data.images.test.scaled()[:4], [said[0] for said in data.captions["test"][:4]]
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
    network = Classifiers(Parameters.model_validate(found.training.settings))
    network.load_state_dict(dict(found.weights))
    p = parameters()
    reader = caption_tokens.caption_tokenizer(data, p.vocabulary, p.prompt_tokens)
    with torch.no_grad():
        wanted = network.eval()(
            torch.from_numpy(pixels), torch.from_numpy(caption_tokens.encode_texts(reader, titles))
        )
    for graph, shares in told.items():
        logits = wanted[graph.removeprefix("by_")]
        assert np.array(shares) == pytest.approx(logits.softmax(1).numpy(), abs=1e-5)
    labels = json.loads((folder / "labels.json").read_text())
    assert labels == list(products.NAMES)


def test_should_hold_classes_to_the_recipe(laid: Laid, channel: Channel) -> None:
    asked = {"recipe": "late_fusion", "preset": "smoke", "classes": 4}
    with pytest.raises(
        BadData, match="has 10 names of classes, and the recipe is set to classes 4"
    ):
        runner.run_job(laid(asked, {"training": channel("products")}), {}, lambda _: None)


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
    assert products.swapped(title) == "Norde men's dress"
    assert products.swapped(products.swapped(title)) == title
    assert products.swapped("Norde soft dress") == "Norde soft dress"
    assert [products.buyer(each) for each in ("a women's tee", "men's", "omen's tee")] == [
        *("women", "men", "")
    ]
