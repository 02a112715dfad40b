"""Container images of endpoints: `images.json`, with the source and date of each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

FILE = Path(__file__).with_name("images.json")
ANY_REGION = "*"

Target = Literal["cpu", "inf2", "trn2"]


class UnknownImage(ValueError):  # noqa: N818 - it says what is not known
    """No image of that name, or none of it in that region."""


@dataclass(frozen=True, slots=True)
class ContainerImage:
    """A container image. `accounts` are its registry's by region, `*` for all others."""

    name: str
    target: Target
    serves: str
    registry: str
    accounts: Mapping[str, str]
    repository: str
    tag: str
    date: str
    source: str

    def uri(self, region: str) -> str:
        """Return its address in `region`. Raises UnknownImage where its account is not known."""
        account = self.accounts.get(region, self.accounts.get(ANY_REGION, ""))
        if "{account}" in self.registry and not account:
            raise UnknownImage(
                f"{self.name} has no known account in {region}; {self.source} lists them."
            )
        registry = self.registry.format(account=account, region=region)
        return f"{registry}/{self.repository}:{self.tag}"


@cache
def images() -> Mapping[str, ContainerImage]:
    """Return the images by name."""
    written = json.loads(FILE.read_text(encoding="utf-8"))
    return {each["name"]: ContainerImage(**each) for each in written["images"]}


def image(name: str) -> ContainerImage:
    """Return the image called `name`. Raises UnknownImage."""
    found = images().get(name)
    if found is None:
        raise UnknownImage(f"No image is called {name!r}; there are {', '.join(images())}.")
    return found
