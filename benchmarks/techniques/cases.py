"""Cases with known answers, made with a seed: word problems, orders to read, sentences to list."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Grading = dict[str, Any]

NAMES = ("Ada", "Bruno", "Chloe", "Dev", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas")
SURNAMES = ("Keller", "Moreau", "Novak", "Okafor", "Petrov", "Quist", "Rossi", "Sato", "Weber")
CITIES = ("Bergen", "Cork", "Dakar", "Essen", "Graz", "Hanoi", "Lima", "Oslo", "Porto", "Turin")
GOODS = ("lamp", "kettle", "notebook", "ladder", "basket", "clock", "blanket", "hammer", "mirror")
THINGS = (
    *("flour", "candles", "rope", "lemons", "nails", "soap", "rice", "string", "matches"),
    *("paint", "onions", "paper", "batteries", "honey", "tape", "salt", "brushes", "glue"),
)


@dataclass(frozen=True, slots=True)
class TaskCase:
    """One case: the text that prompts are given, what is expected, and its own graders."""

    id: str
    text: str
    expected: str | None = None
    variables: tuple[tuple[str, str], ...] = ()
    graders: tuple[Grading, ...] = ()


Problem = Callable[[random.Random, str, str], tuple[str, int]]


def _shop(rng: random.Random, name: str, good: str) -> tuple[str, int]:
    count, price, paid = rng.randint(3, 9), rng.randint(4, 12), 0
    paid = count * price + rng.randint(5, 40)
    text = f"{name} buys {count} {good}s for {price} dollars each and pays with {paid} dollars."
    return f"{text} How many dollars does {name} get back?", paid - count * price


def _shelves(rng: random.Random, name: str, good: str) -> tuple[str, int]:
    shelves, each, sold = rng.randint(4, 9), rng.randint(6, 14), rng.randint(5, 20)
    text = f"{name}'s shop has {shelves} shelves with {each} {good}s on each. {sold} are sold."
    return f"{text} How many {good}s are left?", shelves * each - sold


def _trip(rng: random.Random, name: str, good: str) -> tuple[str, int]:
    speed, hours, more = rng.randint(30, 90), rng.randint(2, 5), rng.randint(10, 60)
    text = f"{name} drives {hours} hours at {speed} kilometres an hour to deliver a {good},"
    return f"{text} then {more} kilometres more. How many kilometres is that?", speed * hours + more


def _share(rng: random.Random, name: str, good: str) -> tuple[str, int]:
    friends, each, kept = rng.randint(3, 8), rng.randint(4, 11), rng.randint(2, 9)
    text = f"{name} has {friends * each + kept} {good}s, keeps {kept} and shares the rest equally"
    return f"{text} among {friends} friends. How many does each friend get?", each


def _wages(rng: random.Random, name: str, good: str) -> tuple[str, int]:
    wage, hours, days = rng.randint(11, 25), rng.randint(3, 8), rng.randint(3, 6)
    cost = rng.randint(10, 60)
    text = f"{name} earns {wage} dollars an hour and works {hours} hours on each of {days} days,"
    text = f"{text} then buys a {good} for {cost} dollars. How many dollars are left?"
    return text, wage * hours * days - cost


def _ages(rng: random.Random, name: str, good: str) -> tuple[str, int]:
    young, times, years = rng.randint(4, 12), rng.randint(2, 5), rng.randint(3, 15)
    text = f"{name} is {young} years old, and the {good} of the family is {times} times as old."
    return f"{text} How old will the {good} be in {years} years?", young * times + years


PROBLEMS: tuple[Problem, ...] = (_shop, _shelves, _trip, _share, _wages, _ages)


def arithmetic(count: int, seed: int) -> tuple[TaskCase, ...]:
    """Return word problems of two or three steps; no answer is a number of its problem."""
    rng = random.Random(f"arithmetic {seed}")  # noqa: S311 - makes cases, guards nothing
    found: list[TaskCase] = []
    while len(found) < count:
        problem = PROBLEMS[len(found) % len(PROBLEMS)]
        text, answer = problem(rng, rng.choice(NAMES), rng.choice(GOODS))
        numbers = {int(word) for word in text.replace(".", " ").split() if word.isdigit()}
        if answer not in numbers:
            found.append(TaskCase(f"problem-{len(found) + 1:02}", text, str(answer)))
    return tuple(found)


ORDERS = (
    "Hello, this is {name}. Could you send {quantity} {item}s to me in {city}? Many thanks!",
    "Order by telephone: {item}, {quantity} pieces. Customer {name}. Ship to {city} by Friday.",
    (
        "I moved from Ghent to {city} last year and still like your shop. {quantity} {item}s, "
        "please. Yours, {name}"
    ),
    (
        "{name} ({city}) asks whether {quantity} {item}s can leave the warehouse today, not 2 as "
        "before."
    ),
    (
        "Please cancel what I wrote on Monday. I need {quantity} {item}s, not lamps of glass. My "
        "address is still the one in {city}. {name}"
    ),
    "To {city}: {quantity} x {item}. Invoice goes to {name}, who pays within 30 days.",
)
ORDER_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "city": {"type": "string"},
        "item": {"type": "string"},
        "quantity": {"type": "integer"},
    },
    "required": ["name", "city", "item", "quantity"],
    "additionalProperties": False,
}


def order_values(rng: random.Random) -> dict[str, Any]:
    """Return the values of one order."""
    return {
        "name": f"{rng.choice(NAMES)} {rng.choice(SURNAMES)}",
        "city": rng.choice(CITIES),
        "item": rng.choice(GOODS),
        "quantity": rng.randint(3, 28),
    }


def extraction(count: int, seed: int) -> tuple[TaskCase, ...]:
    """Return orders, of which name, city, item and quantity are to be read into JSON."""
    rng = random.Random(f"extraction {seed}")  # noqa: S311 - makes cases, guards nothing
    return tuple(_order(n, order_values(rng)) for n in range(count))


def _order(n: int, values: dict[str, Any]) -> TaskCase:
    exact = {
        "type": "object",
        "properties": {
            "name": {"const": values["name"]},
            "city": {"const": values["city"]},
            "item": {"enum": [values["item"], f"{values['item']}s"]},
            "quantity": {"enum": [values["quantity"], str(values["quantity"])]},
        },
        "required": list(values),
    }
    grader = {"type": "json_schema", "name": "values", "json_schema": exact, "anywhere": True}
    text = ORDERS[n % len(ORDERS)].format(**values)
    return TaskCase(f"order-{n + 1:02}", text, json.dumps(values), graders=(grader,))


LISTS = (
    "We need {items}.",
    "Please bring {items} when you come tomorrow.",
    "My sister forgot {items} at the market, so somebody has to go again.",
    "The workshop ran out of {items} last week.",
)


def listing(count: int, seed: int) -> tuple[TaskCase, ...]:
    """Return sentences that name things, which are to be written one a line after a dash."""
    rng = random.Random(f"listing {seed}")  # noqa: S311 - makes cases, guards nothing
    return tuple(
        _listing(n, rng.sample(THINGS, rng.randint(3, 5)), LISTS[n % len(LISTS)])
        for n in range(count)
    )


def _listing(n: int, things: Sequence[str], template: str) -> TaskCase:
    text = template.format(items=f"{', '.join(things[:-1])} and {things[-1]}")
    lines = f"^\\s*- [^\\n]+(\\n- [^\\n]+){{{len(things) - 1}}}\\s*$"
    return TaskCase(
        f"list-{n + 1:02}",
        text,
        "\n".join(f"- {thing}" for thing in things),
        graders=(
            {"type": "contains", "name": "things", "all": list(things)},
            {"type": "regex", "name": "lines", "pattern": lines},
        ),
    )
