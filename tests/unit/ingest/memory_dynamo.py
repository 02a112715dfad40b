"""A DynamoDB table in memory: as much of boto3's client as the records stand on.

It is a thousand times quicker than the one that other tests use, to which a test compares it.
Expressions are those of the product: conditions of `=`, `<`, `<=`, `AND`, `OR`, brackets and the
two functions about existence, and updates of `SET` with `+`, `-` and `if_not_exists`, and `REMOVE`.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

Item = dict[str, Any]
Key = tuple[str, str]

_TOKENS = re.compile(r"<=|[()=<]|[#:]?\w+")


class TransactionCanceledError(ClientError):
    """As boto3 raises it."""


class _Exceptions:
    TransactionCanceledException = TransactionCanceledError


class MemoryDynamo:
    """One table. `before` is called ahead of each request, as whatever else goes on meanwhile."""

    exceptions = _Exceptions()

    def __init__(self) -> None:
        self.items: dict[Key, Item] = {}
        self.before: Callable[[], None] = lambda: None

    def get_item(self, *, Key: Item, **_: Any) -> Item:  # noqa: N803 - boto3's names
        self.before()
        found = self.items.get(_key(Key))
        return {} if found is None else {"Item": copy.deepcopy(found)}

    def query(
        self,
        *,
        ExpressionAttributeValues: Item,  # noqa: N803
        ScanIndexForward: bool = True,  # noqa: N803
        ExclusiveStartKey: Item | None = None,  # noqa: N803
        Limit: int | None = None,  # noqa: N803
        **_: Any,
    ) -> Item:
        """Return one page; where `Limit` ends it, without the key that further ones begin at."""
        self.before()
        pk = ExpressionAttributeValues[":pk"]["S"]
        prefix = ExpressionAttributeValues.get(":prefix", {"S": ""})["S"]
        keys = sorted(key for key in self.items if key[0] == pk and key[1].startswith(prefix))
        if ExclusiveStartKey is not None:
            keys = [key for key in keys if key > _key(ExclusiveStartKey)]
        keys = (keys if ScanIndexForward else keys[::-1])[:Limit]
        return {"Items": [copy.deepcopy(self.items[key]) for key in keys]}

    def batch_get_item(self, *, RequestItems: Item) -> Item:  # noqa: N803
        self.before()
        ((table, wanted),) = RequestItems.items()
        names = wanted["ExpressionAttributeNames"].values()
        found = [self.items[key] for key in map(_key, wanted["Keys"]) if key in self.items]
        shown = [{name: item[name] for name in names if name in item} for item in found]
        return {"Responses": {table: shown}}

    def put_item(self, **request: Any) -> None:
        self._alone("Put", request)

    def update_item(self, **request: Any) -> None:
        self._alone("Update", request)

    def delete_item(self, **request: Any) -> None:
        self._alone("Delete", request)

    def transact_write_items(self, *, TransactItems: list[Item]) -> None:  # noqa: N803
        """Write all or nothing, and say which conditions were false."""
        self.before()
        writes = [next(iter(item.items())) for item in TransactItems]
        held = [self._holds(write) for _, write in writes]
        if not all(held):
            reasons = [{"Code": "None" if good else "ConditionalCheckFailed"} for good in held]
            error: Any = {
                "Error": {"Code": "TransactionCanceledException", "Message": "refused"},
                "CancellationReasons": reasons,
            }
            raise TransactionCanceledError(error, "TransactWriteItems")
        for kind, write in writes:
            self._write(kind, write)

    def _alone(self, kind: str, write: Item) -> None:
        self.before()
        if not self._holds(write):
            error: Any = {"Error": {"Code": "ConditionalCheckFailedException", "Message": "no"}}
            raise ClientError(error, kind)
        self._write(kind, write)

    def _holds(self, write: Item) -> bool:
        if "ConditionExpression" not in write:
            return True
        item = self.items.get(_key(write.get("Key") or write["Item"]), {})
        return _Condition(write, item).holds()

    def _write(self, kind: str, write: Item) -> None:
        if kind == "Put":
            self.items[_key(write["Item"])] = copy.deepcopy(write["Item"])
        elif kind == "Delete":
            self.items.pop(_key(write["Key"]), None)
        elif kind == "Update":
            key = _key(write["Key"])
            item = self.items.get(key, dict(write["Key"]))
            self.items[key] = _updated(write, item)


class _Condition:
    """A condition, read from left to right; AND binds more strongly than OR."""

    def __init__(self, write: Item, item: Item) -> None:
        self._left = _TOKENS.findall(write["ConditionExpression"])
        self._values: Mapping[str, Any] = write.get("ExpressionAttributeValues", {})
        self._names: Mapping[str, str] = write.get("ExpressionAttributeNames", {})
        self._item = item

    def holds(self) -> bool:
        found = self._either()
        assert not self._left, self._left
        return found

    def _either(self) -> bool:
        found = self._both()
        while self._left and self._left[0] == "OR":
            self._left.pop(0)
            found = self._both() or found
        return found

    def _both(self) -> bool:
        found = self._one()
        while self._left and self._left[0] == "AND":
            self._left.pop(0)
            found = self._one() and found
        return found

    def _one(self) -> bool:
        word = self._left.pop(0)
        if word == "(":
            found = self._either()
            assert self._left.pop(0) == ")"
            return found
        if word in ("attribute_exists", "attribute_not_exists"):
            name = self._left[1]
            del self._left[:3]
            return bool((self._name(name) in self._item) == (word == "attribute_exists"))
        comparison, value = self._left.pop(0), self._values[self._left.pop(0)]
        kept = self._item.get(self._name(word))
        if kept is None or set(kept) != set(value):
            return False
        ours, given = _plain(kept), _plain(value)
        return bool({"=": ours == given, "<": ours < given, "<=": ours <= given}[comparison])

    def _name(self, word: str) -> str:
        return str(self._names.get(word, word))


def _updated(write: Item, item: Item) -> Item:
    """Return `item` after an update; what is read is read before anything is written."""
    expression: str = write["UpdateExpression"]
    names: Mapping[str, str] = write.get("ExpressionAttributeNames", {})
    values: Mapping[str, Any] = write.get("ExpressionAttributeValues", {})
    sets, _, removes = expression.removeprefix("SET ").partition(" REMOVE ")
    fresh = copy.deepcopy(item)
    for change in re.split(r",(?![^(]*\))", sets):
        name, _, value = change.strip().partition(" = ")
        fresh[names.get(name, name)] = _value(value.strip(), item, names, values)
    for name in filter(None, (each.strip() for each in removes.split(","))):
        fresh.pop(names.get(name, name), None)
    return fresh


def _value(text: str, item: Item, names: Mapping[str, str], values: Mapping[str, Any]) -> Item:
    for sign, factor in ((" + ", 1), (" - ", -1)):
        if sign in text:
            left, right = (_value(each, item, names, values) for each in text.split(sign))
            return {"N": str(int(left["N"]) + factor * int(right["N"]))}
    if text.startswith("if_not_exists("):
        name, default = text.removeprefix("if_not_exists(").removesuffix(")").split(", ")
        kept: Item = item.get(names.get(name, name), values[default])
        return kept
    found: Item = values[text] if text in values else item[names.get(text, text)]
    return found


def _plain(value: Item) -> Any:
    ((kind, plain),) = value.items()
    return int(plain) if kind == "N" else plain


def _key(item: Item) -> Key:
    return item["pk"]["S"], item["sk"]["S"]
