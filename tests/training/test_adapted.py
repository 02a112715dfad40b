"""Adapting: each way merges into the base's graph, and learns what it may and no more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors import safe_open
from tokenizers import Tokenizer
from torch import nn

from chalicelib.inference.text_decoder import DecoderShape, Floats, TokenIds, TokenSampling, decode
from models.data import instructions, text
from models.data.instructions import Instruction
from models.data.text import END
from models.datasets import notes
from models.export.graphs import export_graphs
from models.failures import BadData
from models.jobs import runner
from models.networks.adapted_decoder import AdaptedDecoder
from models.networks.decoder import decoder, generate, logits
from models.recipes.adapted.network import make_network, objective, prefix, thaw
from models.recipes.adapted.parameters import Parameters, Way
from models.recipes.adapted.recipe import CODE, constants, exact, graphs
from models.reference import losses
from models.training import artefacts
from models.training.artefacts import TrainedModel, TrainingRecord
from tests.training.conftest import Laid, Smoke, weights_of

WAYS: tuple[Way, ...] = get_args(Way)
PEFT: tuple[Way, ...] = ("lora", "ia3", "prompt_tuning")


def settings(way: Way, **changed: Any) -> Parameters:
    return Parameters(
        **{
            "steps": 8, "batch": 2, "learning_rate": 0.1, "prompt_tokens": 3, "rank": 2,
            "vocabulary": 30, "width": 16, "inner": 24, "layers": 4, "heads": 2, "context": 32,
            "way": way, **changed,
        }
    )  # fmt: skip


def base_of(parameters: Parameters, folder: Path) -> TrainedModel:
    """A language model that was never trained, as an artefact."""
    torch.manual_seed(5)
    weights = decoder(parameters).state_dict()
    (folder / text.TOKENIZER).write_bytes(b"its own")
    training = TrainingRecord(
        recipe="language_model", preset="tiny", settings=parameters.model_dump(),
        data="", code="", torch="", device="cpu", measured={},
    )  # fmt: skip
    return TrainedModel(folder, training, weights)


def moved(parameters: Parameters, folder: Path) -> AdaptedDecoder:
    """An adapted model whose own weights are no longer what they began as."""
    made = make_network(parameters)
    made.begin(base_of(parameters, folder))
    with torch.no_grad():
        for each in made.tuned.parameters():
            if each.requires_grad:
                each.add_(torch.randn(each.shape) * 0.1)
    made.eval()
    return made


@pytest.mark.parametrize("way", WAYS)
def test_should_begin_as_the_base(way: Way, tmp_path: Path) -> None:
    made = make_network(settings(way)).eval()
    base = base_of(settings(way), tmp_path)
    made.begin(base)
    for name, each in made.base.state_dict().items():
        assert torch.equal(each, base.weights[name])
    tokens = torch.randint(30, (2, 7))
    same = torch.equal(made(tokens), logits(made.base, tokens))
    assert same == (way != "prompt_tuning")


@pytest.mark.parametrize("way", WAYS)
def test_merging_should_change_nothing(way: Way, tmp_path: Path) -> None:
    made = moved(settings(way), tmp_path)
    tokens = torch.randint(30, (2, 7))
    before = torch.tensor([prefix(settings(way))] * 2, dtype=torch.long)
    with torch.no_grad():
        wanted = made(tokens)
        told = logits(made.merged(), torch.cat([before, tokens], dim=1))[:, before.shape[1] :]
        assert (told - logits(made.base, tokens)).abs().max() > 0.01
    assert (told - wanted).abs().max() < 1e-5
    plain = {name for name, _ in made.base.named_parameters()}
    assert {name for name, _ in made.merged().named_parameters()} == plain


@pytest.mark.parametrize("way", PEFT)
def test_what_is_frozen_should_not_learn(way: Way, tmp_path: Path) -> None:
    made = moved(settings(way), tmp_path)
    learns = [each for each in made.parameters() if each.requires_grad]
    assert (
        0
        < sum(each.numel() for each in learns)
        < sum(each.numel() for each in made.base.parameters())
    )
    assert made.trainable_share() == pytest.approx(
        sum(each.numel() for each in learns) / sum(each.numel() for each in made.base.parameters())
    )
    made(torch.randint(30, (2, 7))).sum().backward()
    assert all(each.grad is None for each in made.base.parameters())
    assert any(each.grad is not None for each in learns)


def test_the_last_layers_should_thaw_first() -> None:
    parameters = settings("gradual", steps=16)
    made = make_network(parameters)
    awake = []
    for number in range(1, 9):
        thaw(made, parameters, number)
        awake.append(
            [each.self_attn.q_proj.weight.requires_grad for each in made.tuned.model.layers]
        )
    assert [sum(each) for each in awake] == [1, 2, 3, 4, 4, 4, 4, 4]
    assert all(each == sorted(each) for each in awake)
    thaw(made, parameters, 1)
    assert not made.tuned.model.embed_tokens.weight.requires_grad
    assert made.tuned.lm_head.weight.requires_grad


def test_only_answers_should_count_in_the_loss(tmp_path: Path) -> None:
    made = moved(settings("lora"), tmp_path)
    tokens = torch.randint(30, (3, 9))
    answers = torch.zeros(3, 9, dtype=torch.bool)
    answers[:, 5:8] = True
    told = objective(settings("lora"))(made, [tokens, answers], 1)["loss"].item()
    with torch.no_grad():
        found = made(tokens[:, :-1])[:, 4:7].reshape(-1, 30).double().numpy()
    assert told == pytest.approx(losses.cross_entropy(found, tokens[:, 5:8].reshape(-1).numpy()))


def test_a_tuned_prompt_should_be_served_by_the_bases_graph(tmp_path: Path) -> None:
    parameters = settings("prompt_tuning", layers=1)
    made = moved(parameters, tmp_path)
    specs = export_graphs(graphs(made, parameters), tmp_path)
    session = onnxruntime.InferenceSession(str(tmp_path / specs["decoder"].file))
    shape = DecoderShape.of(constants(parameters))
    assert shape.prefix == 3

    def step(tokens: TokenIds, keys: Floats, values: Floats) -> tuple[Floats, Floats, Floats]:
        given = {"tokens": tokens, "past_keys": keys, "past_values": values}
        found: tuple[Floats, Floats, Floats] = session.run(["logits", "keys", "values"], given)
        return found

    told = list(decode(step, shape, [7, 8], TokenSampling(10)))
    whole = torch.tensor([[*prefix(parameters), 7, 8]])
    wanted = generate(made.merged(), whole, 10)[0].tolist()
    assert told == (wanted[: wanted.index(END)] if END in wanted else wanted)


def test_lora_should_leave_the_base_as_it_was(smoke: Smoke) -> None:
    ours = weights_of(smoke("adapted") / "train" / "model" / "weights.safetensors")
    theirs = weights_of(smoke("language_model") / "finish" / "model" / "weights.safetensors")
    for name, each in theirs.items():
        assert (ours[f"base.{name}"] == each).all()
    kept = max((smoke("adapted") / "train" / "checkpoints").glob("*.safetensors"))
    with safe_open(kept, "numpy") as file:
        of_network = [name for name in file.keys() if name.startswith("network/")]  # noqa: SIM118
    assert of_network
    assert all("lora_" in name for name in of_network)  # the base is a channel of the job
    adapters = [name for name in ours if "lora_B" in name]
    assert adapters
    assert all(np.abs(ours[name]).max() > 0 for name in adapters)


class Parrot(nn.Module):
    """Writes the answers that it was given, whatever it is asked."""

    def __init__(self, answers: list[list[int]], vocabulary: int) -> None:
        super().__init__()
        self._answers, self._vocabulary, self._said = answers, vocabulary, 0

    def forward(self, input_ids: torch.Tensor, **_: object) -> Any:
        chosen = torch.tensor([each[min(self._said, len(each) - 1)] for each in self._answers])
        self._said += 1
        told = nn.functional.one_hot(chosen, self._vocabulary).float()[:, None]
        return type("Told", (), {"logits": told})


def test_an_answer_should_be_right_to_the_letter() -> None:
    asked = [Instruction(prompt=f"{at}:", completion=" a valve") for at in range(4)]
    tokenizer = text.learn_tokenizer(["a valve: 0123 b"], 270)
    said = [" a valve", " a valve\nand more", " a valves", " a Valve"]
    answers = [[*tokenizer.encode(each).ids, END] for each in said]
    parrot = Parrot(answers, tokenizer.get_vocab_size())
    assert exact(parrot, tokenizer, asked).tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize(("name", "value"), [("heads", 4), ("width", 32), ("context", 64)])
def test_a_base_of_other_sizes_should_be_told(name: str, value: int, tmp_path: Path) -> None:
    other = base_of(settings("lora", **{name: value}), tmp_path)
    with pytest.raises(BadData, match=f"{name}: is .* was trained with {value}"):
        make_network(settings("lora")).begin(other)


def test_tokens_of_another_tokenizer_should_be_told(
    smoke: Smoke, laid: Laid, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    asked = [notes.note(notes.TEMPLATES[0], "small", "red", "ship", "river")] * 8
    instructions.write(other, text.learn_tokenizer(["some words"] * 3, 2048), asked, asked)
    base = {"training": other, "base": smoke("language_model") / "finish" / "model"}
    job = laid({"recipe": "adapted", "preset": "smoke", "vocabulary": 263}, base)
    with pytest.raises(BadData, match=r"vocabulary: is 263"):
        runner.run_job(job, {}, lambda _: None)
    made = make_network(settings("full"))
    made.begin(base_of(settings("full"), tmp_path))
    made.require(b"its own")
    with pytest.raises(BadData, match="is not that of the language model"):
        made.require(b"another")


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    asked = [notes.note(notes.TEMPLATES[0], size, "red", "ship", "river") for size in notes.SIZES]
    words = [f"{each.prompt}{each.completion}" for each in asked]
    instructions.write(tmp_path, text.learn_tokenizer(words, 300), asked, asked[:1])
    return tmp_path


def test_rows_should_say_what_of_them_is_an_answer(tasks: Path) -> None:
    found = instructions.read(tasks)
    rows = found.encoded(64)
    for task, tokens, answers in zip(found.train, rows.tokens, rows.answers, strict=True):
        decode_: Tokenizer = found.tokenizer
        assert decode_.decode(tokens[answers].tolist()) == task.completion
        assert tokens[answers][-1] == END
        assert decode_.decode(tokens.tolist()) == task.prompt + task.completion


def test_broken_rows_should_be_told_with_their_lines(tasks: Path) -> None:
    with pytest.raises(BadData, match=r"train\.jsonl, row \d has \d+ tokens, and .* context is 9"):
        instructions.read(tasks).encoded(9)
    path = tasks / instructions.TRAIN
    lines = path.read_text().splitlines()
    lines[1], lines[3] = '{"prompt": "x"}', json.dumps({"prompt": "", "completion": "y"})
    path.write_text("\n".join(lines))
    with pytest.raises(
        BadData, match=r"2 broken rows of 4: line 2: completion: .*; line 4: prompt"
    ):
        instructions.read(tasks)


def test_what_judges_should_not_be_known_by_heart() -> None:
    pairs = {(colour, thing) for colour in notes.COLOURS for thing in notes.THINGS}
    apart = {pair for pair in pairs if notes.held_out(*pair)}
    assert len(pairs) / 6 < len(apart) < len(pairs) / 4
    assert {colour for colour, _ in pairs - apart} == set(notes.COLOURS)
    assert {thing for _, thing in pairs - apart} == set(notes.THINGS)


def test_a_recipe_should_say_what_learned(smoke: Smoke) -> None:
    model = smoke("adapted") / "finish" / "model"
    measured = json.loads((model / "evaluation.json").read_text())
    assert 0 < measured["trainable_share"] < 0.3
    found = artefacts.read_training(model, model / "unused")
    assert CODE.parameters.model_validate(found.training.settings).way == "lora"
