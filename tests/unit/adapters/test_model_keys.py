from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.adapters.secrets import CACHE_SECONDS, ModelKeys
from chalicelib.errors import HeadraceError, Transient

NAME = "headrace/test/models/tiny"


class Secrets:
    """Secrets Manager with one secret, which fails by `code` where one is set."""

    def __init__(self) -> None:
        self.value, self.code, self.reads = "sk-one", "", 0

    def get_secret_value(self, **params: Any) -> dict[str, str]:
        assert params == {"SecretId": NAME}
        self.reads += 1
        if self.code:
            answer: Any = {"Error": {"Code": self.code, "Message": "no"}}
            answer["ResponseMetadata"] = {"HTTPStatusCode": 500 if "Internal" in self.code else 400}
            raise ClientError(answer, "GetSecretValue")
        return {"SecretString": self.value}


def test_a_key_should_be_read_once_in_five_minutes_or_when_it_is_wanted_fresh() -> None:
    store, now = Secrets(), [0.0]
    keys = ModelKeys(store, lambda: now[0])
    assert [keys.key(NAME) for _ in range(3)] == ["sk-one"] * 3
    store.value = "sk-two"
    assert (keys.key(NAME), keys.key(NAME, fresh=True), keys.key(NAME)) == (
        "sk-one",
        "sk-two",
        "sk-two",
    )
    now[0] = CACHE_SECONDS + 1
    keys.key(NAME)
    assert store.reads == 3


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        ("ResourceNotFoundException", HeadraceError, "add the model again"),
        ("AccessDeniedException", HeadraceError, "AccessDenied"),
        ("InternalServiceError", Transient, "reading the key"),
    ],
)
def test_a_key_that_cannot_be_read_should_be_told(
    code: str, kind: type[HeadraceError], says: str
) -> None:
    store = Secrets()
    store.code = code
    with pytest.raises(kind, match=says) as failed:
        ModelKeys(store).key(NAME)
    assert type(failed.value) is kind
