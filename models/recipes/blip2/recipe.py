"""The recipe `blip2`: captions and answers about pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn

from models.data import questions, words
from models.data.questions import PictureDescription, Questions
from models.data.words import BEGIN, END, PAD, WholeWordTokenizer, question_text
from models.evaluation.figures import caption_sheet
from models.evaluation.intervals import mean_interval
from models.evaluation.text_overlap import overlap
from models.networks.language import require_same_words
from models.networks.picture_variants import variant_features
from models.networks.question_rows import decode_greedily, question_rows, require_length
from models.networks.vision import CHANNELS, trainable_share
from models.recipes.blip2.loss import (
    LostWords,
    TwoStageTask,
    generation_loss,
    representation_loss,
)
from models.recipes.blip2.network import Blip2Captioner
from models.recipes.blip2.parameters import Parameters
from models.training import seeds
from models.training.artefacts import TrainedModel
from models.training.learned_weights import LearnedWeights
from models.training.loop import TrainingTask
from models.training.recipe_code import Constant, Evaluation, Graph, RecipeCode, TaskSetup
from models.training.supervised_task import Batches, Loss, LossTask

_SHOWN = 10


@torch.no_grad()
def evaluate(network: torch.nn.Module, data: Questions, parameters: Parameters) -> Evaluation:
    """Return metrics by exact rules on pictures of unseen pairs, and samples with captions.

    `joint_accuracy` is the share of captions that name the right colour and shape, and no other;
    `blind_joint_accuracy` the same with each caption written for another picture, which shows how
    much is guessed. `caption_exact` is of captions that are right word for word; BLEU and ROUGE
    have how much of the right ones is in them. `answer_accuracy` is of questions answered rightly,
    `answer_joint` of pictures whose colour and shape are both answered rightly. `trainable_share`
    is the share of all weights that training changed.
    """
    assert isinstance(network, Blip2Captioner)
    words = WholeWordTokenizer.of(data, parameters.vocabulary)
    seen = network.see(torch.from_numpy(data.test.scaled()))
    most = question_rows(words, data.test, data.attributes).shape[2]
    described = data.test.described
    captions = write_texts(network, words, seen, "", most)
    right = names_both(captions, described, data, parameters.together)
    elsewhere = names_both(captions[1:] + captions[:1], described, data, parameters.together)
    answers = {
        name: [
            text == each.answers[name]
            for text, each in zip(
                write_texts(network, words, seen, question_text(name), most), described, strict=True
            )
        ]
        for name in data.attributes
    }
    both = [
        all(told) for told in zip(*(answers[name] for name in parameters.together), strict=True)
    ]
    wanted = [each.caption for each in described]
    exact = [text == caption for text, caption in zip(captions, wanted, strict=True)]
    scores = {"joint_accuracy": np.array(right, np.float64)}
    numbers = {
        **mean_interval(scores["joint_accuracy"]).numbers("joint_accuracy"),
        "blind_joint_accuracy": _share(elsewhere),
        **mean_interval(np.array(exact, np.float64)).numbers("caption_exact"),
        **overlap(captions, wanted, "caption_"),
        "answer_accuracy": _share([told for each in answers.values() for told in each]),
        "answer_joint": _share(both),
        "trainable_share": trainable_share(network),
    }
    shown = caption_sheet(data.test.pictures[:_SHOWN], captions[:_SHOWN])
    return Evaluation(numbers, {"samples": shown}, scores)


def write_texts(
    network: Blip2Captioner, words: WholeWordTokenizer, seen: torch.Tensor, asking: str, most: int
) -> list[str]:
    """Return the generated text about each picture, given its projected queries."""
    prompt = torch.tensor([[*words.ids(asking), BEGIN]]).expand(len(seen), -1)
    written = decode_greedily(lambda tokens: network.language.last(seen, tokens), prompt, most)
    return [words.text(row) for row in written.tolist()]


def names_both(
    captions: Sequence[str],
    described: Sequence[PictureDescription],
    data: Questions,
    attributes: Sequence[str],
) -> list[bool]:
    """Return for each caption whether it names the right answer of each attribute alone."""
    known = {name: set(data.values(name)) for name in attributes}
    return [
        all(known[name] & set(text.split()) == {each.answers[name]} for name in attributes)
        for text, each in zip(captions, described, strict=True)
    ]


def _share(right: Sequence[bool]) -> float:
    return sum(right) / len(right)


_EXAMPLES_STREAM = 2**31 + 1


class _Vision(nn.Module):
    def __init__(self, network: Blip2Captioner) -> None:
        super().__init__()
        self._network = network

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self._network.see(image)


class _Decoder(nn.Module):
    def __init__(self, network: Blip2Captioner) -> None:
        super().__init__()
        self._language = network.language

    def forward(self, queries: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        return self._language.last(queries, tokens)


def graphs(network: nn.Module, parameters: Parameters) -> Mapping[str, Graph]:
    """Return both graphs; the counts of pictures and of tokens may vary."""
    assert isinstance(network, Blip2Captioner)
    p = parameters
    stream = seeds.generator(p.seed, _EXAMPLES_STREAM)

    def images(count: int) -> torch.Tensor:
        return torch.rand(count, CHANNELS, p.side, p.side, generator=stream) * 2 - 1

    def read(count: int, length: int) -> tuple[torch.Tensor, torch.Tensor]:
        queries = torch.randn(count, p.queries, p.width, generator=stream)
        return queries, torch.randint(0, p.vocabulary, (count, length), generator=stream)

    return {
        "vision": Graph(
            _Vision(network),
            inputs=("image",),
            outputs=("queries",),
            examples=(images(2),),
            trial=(images(33),),
            varying={"image": {0: "count"}},
        ),
        "decoder": Graph(
            _Decoder(network),
            inputs=("queries", "tokens"),
            outputs=("logits",),
            examples=read(2, 3),
            trial=read(7, 11),
            varying={"queries": {0: "count"}, "tokens": {0: "count", 1: "length"}},
        ),
    }


def constants(parameters: Parameters) -> Mapping[str, Constant]:
    """Return the constants that a server needs: sizes, pixel range, special tokens.

    A prompt is the tokens of the question, none for a caption, and then `begin`.
    """
    p = parameters
    return {
        "side": p.side,
        "channels": CHANNELS,
        "lowest": -1.0,
        "highest": 1.0,
        "queries": p.queries,
        "width": p.width,
        "vocabulary": p.vocabulary,
        "context": p.context - p.queries,
        "pad": PAD,
        "begin": BEGIN,
        "end": END,
    }


def task(setup: TaskSetup[Parameters, Questions]) -> TrainingTask:
    """Return the training in two stages on the frozen tower's features of the pictures.

    Raises:
        BadData: the channel's pictures, words or attributes are not what the settings say, or the
            language model was trained by other words.
    """
    parameters, data = setup.parameters, setup.data
    data.require(parameters.side)
    data.require_attributes([*parameters.together, parameters.colour, *parameters.drawn])
    spoken = WholeWordTokenizer.of(data, parameters.vocabulary)
    rows = question_rows(spoken, data.train, data.attributes)
    require_length(parameters.queries + rows.shape[2], parameters.context)
    network = setup.network
    assert isinstance(network, Blip2Captioner)
    require_same_words(network.language.words, spoken)
    pixels = torch.from_numpy(data.train.scaled())
    drawn = seeds.generator(parameters.seed, 0)
    features = variant_features(network.vision, pixels, drawn)
    kept = LearnedWeights(network)

    def stage(loss: Loss, steps: int, *shown: torch.Tensor) -> LossTask:
        settings = parameters.model_copy(update={"steps": steps})
        batches = Batches([*shown, rows], parameters, setup.group)
        return LossTask(network, loss, batches, settings, setup.device, setup.group, kept=kept)

    first = parameters.first_stage
    unasked = unasked_words(parameters, data, spoken)
    lost = LostWords(unasked, parameters.recoloured, parameters.scattered)
    return TwoStageTask(
        stage(representation_loss(lost), first, features),
        stage(generation_loss(lost), parameters.steps - first, features),
        first,
    )


def unasked_words(
    parameters: Parameters, data: Questions, spoken: WholeWordTokenizer
) -> torch.Tensor:
    """Return which words each variant of a picture has lost, [variants, vocabulary]."""
    found = torch.zeros(len(parameters.lost), parameters.vocabulary, dtype=torch.bool)
    for variant, names in enumerate(parameters.lost):
        words = [spoken.ids(value)[0] for name in names for value in data.values(name)]
        found[variant, words] = True
    return found


def begin(network: nn.Module, bases: Mapping[str, TrainedModel]) -> None:
    """Load the image tower and the language model into a new network."""
    assert isinstance(network, Blip2Captioner)
    network.begin(bases)


def files(data: Questions, parameters: Parameters) -> Mapping[str, bytes]:
    """Return the tokenizer."""
    return {words.FILE: WholeWordTokenizer.of(data, parameters.vocabulary).written()}


CODE: RecipeCode[Parameters, Questions] = RecipeCode(
    parameters=Parameters,
    load=questions.read,
    network=Blip2Captioner,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=constants,
    begin=begin,
    files=files,
)
