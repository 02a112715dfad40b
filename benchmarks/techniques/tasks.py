"""The five tasks: their cases, the wordings of their prompts and their graders."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from benchmarks.techniques import cases, wordnet
from benchmarks.techniques.cases import TaskCase
from benchmarks.techniques.prompts import TaskPrompts

SEED = 20261130
COUNT = 60
"""Cases of a suite."""


@dataclass(frozen=True, slots=True)
class Task:
    """One task of the chapter. `graders` are those of every case."""

    name: str
    description: str
    cases: Callable[[int, int], Sequence[TaskCase]]
    prompts: TaskPrompts
    graders: tuple[Mapping[str, Any], ...] = ()


def _worked_orders() -> tuple[TaskCase, ...]:
    rng = random.Random("worked orders")  # noqa: S311 - makes cases, guards nothing
    worked = []
    for n, text in enumerate(
        (
            "{name} would like {quantity} {item}s, to be left at the shop in {city}.",
            "For {city}, on account of {name}: {quantity} {item}s.",
        )
    ):
        values = cases.order_values(rng)
        worked.append(TaskCase(f"worked-{n}", text.format(**values), json.dumps(values)))
    return tuple(worked)


ARITHMETIC = TaskPrompts(
    ask="{{ text }}\nAnswer with the number only.",
    role="You are a careful teacher of mathematics, who calculates without mistakes.",
    forbid="Do not write words, units or a calculation.",
    steps="{{ text }}\nThink step by step, and give the number at the end.",
    plan="{{ text }}\nWhich calculations are needed, in which order? Do not calculate yet.",
    expand="{{ text }}\nA plan:\n{{ plan }}\nCalculate by the plan, and give the number at the "
    "end.",
    max_tokens=40,
    one_line=True,
    examples=(
        TaskCase("1", "A crate holds 6 jars. Dev has 7 crates and drops 5 jars. How many jars are "
                 "whole?", "37"),
        TaskCase("2", "Ines saves 15 dollars a week for 4 weeks and spends 22. How many dollars "
                 "has she?", "38"),
        TaskCase("3", "A rope of 50 metres is cut into 8 equal pieces, and 2 metres are left. How "
                 "long is a piece?", "6"),
    ),
    thoughts=(
        "7 crates hold 7 * 6 = 42 jars. 42 - 5 = 37.",
        "In 4 weeks she saves 4 * 15 = 60 dollars. 60 - 22 = 38.",
        "The pieces take 50 - 2 = 48 metres. 48 / 8 = 6.",
    ),
)  # fmt: skip
CLASSIFICATION = TaskPrompts(
    ask="Which is this a description of: animal, food, person, body part or feeling?\n"
    "{{ text }}\nAnswer with one of these only.",
    role="You are a lexicographer, who sorts definitions of words into classes.",
    forbid="Do not explain. Do not name any other class.",
    steps="Which is this a description of: animal, food, person, body part or feeling?\n"
    "{{ text }}\nThink step by step, then give one of these as the answer.",
    plan="",
    expand="",
    max_tokens=40,
    one_line=True,
    examples=(
        TaskCase("1", "a tall wading bird with a long neck and long legs", "animal"),
        TaskCase("2", "a soft white cheese made of the milk of goats", "food"),
        TaskCase("3", "someone who repairs shoes for a living", "person"),
        TaskCase("4", "the hollow on the inner side of the elbow", "body part"),
        TaskCase("5", "a gentle sadness about what is over", "feeling"),
    ),
)
EXTRACTION = TaskPrompts(
    ask="Read this order into JSON with the keys name, city, item and quantity.\n{{ text }}",
    role="You are a program that reads orders and writes JSON.",
    forbid="Do not write anything before or after the JSON. Do not add other keys.",
    steps="",
    plan="",
    expand="",
    max_tokens=120,
    examples=_worked_orders(),
    schema=cases.ORDER_SCHEMA,
)
LISTING = TaskPrompts(
    ask="Write the things that are named in this sentence as a list, one a line, each line "
    "beginning with a dash and a space.\n{{ text }}",
    role="You are a clerk, who turns notes into tidy lists.",
    forbid="Do not number the lines. Do not write a heading or any other sentence.",
    steps="",
    plan="{{ text }}\nHow many things are named in this sentence, and which?",
    expand="Write the things that are named in this sentence as a list, one a line, each line "
    "beginning with a dash and a space.\n{{ text }}\nThe things are:\n{{ plan }}",
    max_tokens=60,
    examples=(
        TaskCase("1", "Get milk, yeast and two pans.", "- milk\n- yeast\n- pans"),
        TaskCase(
            "2",
            "The kitchen wants plums, bread, tea and oil today.",
            "- plums\n- bread\n- tea\n- oil",
        ),
    ),
)
AVOIDANCE = TaskPrompts(
    ask="Write this sentence with another word in place of the word {{ word }}, and change "
    "nothing else.\n{{ text }}",
    role="You are an editor with a large vocabulary.",
    forbid="Do not use the word {{ word }}.",
    steps="Write this sentence with another word in place of the word {{ word }}, and change "
    "nothing else.\n{{ text }}\nThink step by step, then give the sentence.",
    plan="{{ text }}\nName three words that mean the same as {{ word }} here.",
    expand="Write this sentence with another word in place of the word {{ word }}, and change "
    "nothing else.\n{{ text }}\nWords that mean the same:\n{{ plan }}\nWrite the sentence only.",
    max_tokens=60,
    one_line=True,
    examples=(
        TaskCase(
            "1",
            "The judges select a winner every spring",
            "The judges choose a winner every spring",
            variables=(("word", "select"),),
        ),
        TaskCase(
            "2",
            "They erected a fence along the whole road",
            "They built a fence along the whole road",
            variables=(("word", "erected"),),
        ),
    ),
    variables={
        "text": {"type": "string", "max_length": 1000},
        "word": {"type": "string", "max_length": 60},
    },
)

_nouns = cache(lambda: wordnet.read("dict/data.noun"))
_verbs = cache(lambda: wordnet.read("dict/data.verb"))

TASKS: tuple[Task, ...] = (
    Task(
        "arithmetic",
        "Word problems of two or three steps, made with a seed",
        cases.arithmetic,
        ARITHMETIC,
        ({"type": "numeric", "absolute": 0, "take": "last"},),
    ),
    Task(
        "classification",
        "Definitions of WordNet, sorted into five classes of nouns",
        lambda count, seed: wordnet.classification(_nouns(), count, seed),
        CLASSIFICATION,
    ),
    Task(
        "extraction",
        "Orders to a shop, read into JSON",
        cases.extraction,
        EXTRACTION,
        ({"type": "json_schema", "name": "json only", "json_schema": cases.ORDER_SCHEMA},),
    ),
    Task(
        "listing",
        "Sentences that name things, written as lists of one form",
        cases.listing,
        LISTING,
    ),
    Task(
        "avoidance",
        "Sentences of WordNet, rewritten without one of their words",
        lambda count, seed: wordnet.avoidance(_verbs(), count, seed),
        AVOIDANCE,
    ),
)
