"""Texts by exported language models: what follows, where it ends, and what is refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.model_manifest import FILE, Signature
from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.inference.adapters import SharedGraphs
from chalicelib.inference.language_model import LanguageModel, TextCompletion, open_model
from chalicelib.inference.text_decoder import TokenSampling
from models.data.text import learn_tokenizer
from tests.exported_models import Files, changed, decoder, exported, read
from tests.exported_texts import NUMBERS, WORDS, speaker


def completer(**constants: Any) -> LanguageModel:
    return open_model(read(speaker(**constants)))


def test_should_go_on_until_the_text_ends() -> None:
    found = completer().complete("the room", TokenSampling(most=6))
    assert found == TextCompletion("was warm .", "stop", tokens_in=2, tokens_out=3)


@pytest.mark.parametrize(
    ("prompt", "most", "context", "text"),
    [
        ("the", 2, 8, "room was"),
        ("the room", 6, 4, "was warm"),
        ("the", 4, 8, "room was warm ."),
    ],
)
def test_should_say_that_a_text_was_cut_off(
    prompt: str, most: int, context: int, text: str
) -> None:
    found = completer(context=context).complete(prompt, TokenSampling(most))
    assert (found.text, found.finish) == (text, "length")


def test_what_was_tuned_should_take_its_room() -> None:
    found = completer(context=4, prefix=0).complete("the", TokenSampling(most=9))
    assert found.tokens_out == 3
    with pytest.raises(InvalidInput, match="has 3 tokens, and may have 2 at most") as refused:
        LanguageModel(read(speaker(context=6, prefix=3))).complete(
            "the room was", TokenSampling(most=1)
        )
    assert (refused.value.field, refused.value.limit) == ("prompt", "2 tokens")


@pytest.mark.parametrize(
    ("stop", "text", "tokens"),
    [
        (("warm",), "room was ", 3),
        (("m .", "was"), "room ", 2),
        (("s w",), "room wa", 3),
        (("room",), "", 1),
    ],
)
def test_should_end_before_the_first_of_what_is_to_stop_it(
    stop: tuple[str, ...], text: str, tokens: int
) -> None:
    found = completer().complete("the", TokenSampling(most=9), stop)
    assert found == TextCompletion(text, "stop", tokens_in=1, tokens_out=tokens)


@given(st.integers(1, 7), st.integers(0, 2**32 - 1), st.floats(0.1, 2), st.floats(0.05, 1))
def test_the_same_seed_should_write_the_same(
    most: int, seed: int, temperature: float, top_p: float
) -> None:
    model = SHARED
    choice = TokenSampling(most, temperature, top_p, seed)
    found = model.complete("the", choice)
    assert found == model.complete("the", choice)
    assert found.tokens_out <= most
    assert set(found.text.split()) <= {*WORDS}


def test_graphs_should_be_shared_by_their_weights_too(tmp_path: Path) -> None:
    """The files of two graphs are alike where their weights lie beside them."""
    graphs = SharedGraphs()
    files = [with_weights_beside(speaker({"the": word}), tmp_path / word) for word in WORDS[1:3]]
    assert len({each["decoder.onnx"] for each in files}) == 1
    models = [open_model(read(each), graphs) for each in files]
    told = [model.complete("the", TokenSampling(most=1)).text for model in models]
    assert told == ["bed", "cold"]
    again = open_model(read(files[0]), graphs)
    assert again._session is models[0]._session


def with_weights_beside(files: Files, folder: Path) -> Files:
    """Return a model whose graph has its weights in a file of their own."""
    folder.mkdir()
    graph = onnx.load_from_string(files["decoder.onnx"])
    onnx.save(
        graph,
        folder / "decoder.onnx",
        save_as_external_data=True,
        location="data",
        size_threshold=200,
    )
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in found.items()}
    spec = Signature.model_validate_json(files[FILE]).graphs["decoder"]
    beside = {"sha256": digests["decoder.onnx"], "weights": {"data": digests["data"]}}
    return changed({**files, **found}, graphs={"decoder": spec.model_copy(update=beside)})


SHARED = completer()


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=7))
def test_words_that_are_known_should_be_read_one_by_one(words: list[str]) -> None:
    assert SHARED.complete(" ".join(words), TokenSampling(most=1)).tokens_in == len(words)


@given(st.text(max_size=40))
def test_any_text_should_be_gone_on_with_or_refused_by_its_field(prompt: str) -> None:
    assert refusal(prompt) in {None, "prompt"}


def refusal(prompt: str) -> str | None:
    try:
        SHARED.complete(prompt, TokenSampling(most=1))
    except InvalidInput as error:
        return error.field
    return None


@pytest.mark.parametrize("prompt", ["a nice room", "the room <end>", "<pad>", "nice <unk>"])
def test_a_word_that_is_not_known_should_be_named_with_those_that_are(prompt: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        completer().complete(prompt, TokenSampling(most=1))
    unknown = next(word for word in prompt.split() if word not in WORDS)
    assert refused.value.message.startswith(f"prompt: this model does not know {unknown!r}")
    assert refused.value.message.endswith(f"; it knows {' '.join(WORDS)}.")


def test_half_of_a_surrogate_pair_should_be_refused() -> None:
    with pytest.raises(InvalidInput, match="character 4 is half of a surrogate pair"):
        completer().complete("the \ud83d", TokenSampling(most=1))


def test_bytes_should_be_merged_and_no_mark_read_out_of_a_text() -> None:
    """The tokenizer of the recipes that learn from a dictionary."""
    tokens = learn_tokenizer(["river: a flat red ship"] * 3, 280)
    files = with_tokenizer(speaker({}, vocabulary=tokens.get_vocab_size()), tokens.to_str())
    model = LanguageModel(read(files))
    text = "river: <end> é"
    assert model._tokenizer.text(model._tokenizer.ids(text, "prompt")) == text


def with_tokenizer(files: Files, content: str) -> Files:
    """Return a model with another tokenizer, and the manifest that names it."""
    told = json.loads(files[FILE])
    graphs = {"decoder": (("tokens", "past_keys", "past_values"), files["decoder.onnx"])}
    return exported(graphs, told["constants"], {"tokenizer.json": content.encode()}, "policy")


def test_should_not_open_what_does_not_go_on_with_texts() -> None:
    broken = {
        "has the graphs decoder, none that goes on with a text": decoder(),
        "has no tokenizer.json": exported(
            {"decoder": (("tokens", "past_keys", "past_values"), speaker()["decoder.onnx"])},
            json.loads(speaker()[FILE])["constants"],
        ),
        "is no tokenizer": with_tokenizer(speaker(), "{}"),
        "has end as 1.5": speaker(end=1.5),
        "vocabulary of 9": speaker(vocabulary=len(NUMBERS) - 1),
        "tried failed: ": speaker(vocabulary=len(NUMBERS) + 1),
    }
    for told, files in broken.items():
        with pytest.raises(ModelFailure, match=told):
            open_model(read(files))
