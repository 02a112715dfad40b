"""Calls that AWS refuses, in its words.

Limits: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
Reserved words: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html
Expressions:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
The wording of errors, which AWS does not publish, is that of recordings in dynalite's tests.
"""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.dynamodb.expressions.tokens import reserved_words
from tests.unit.dynamodb.conftest import Tables

N, S = {"N": "1"}, {"S": "s"}
INVALID = "One or more parameter values were invalid: "
EMPTY_KEY = "One or more parameter values are not valid. The AttributeValue for a key attribute"


@pytest.fixture
def tables(tables: Tables) -> Tables:
    tables.create(sort="S")
    return tables


def put(tables: Tables, item: dict[str, Any]) -> str:
    return str(tables("PutItem", TableName="table", Item=item).get("message", ""))


def update(tables: Tables, expression: str, values: dict[str, Any], **more: Any) -> str:
    if values:
        more["ExpressionAttributeValues"] = values
    key = {"pk": S, "sk": S}
    changed = tables("UpdateItem", TableName="table", Key=key, UpdateExpression=expression, **more)
    return str(changed.get("message", ""))


def check(tables: Tables, condition: str, values: dict[str, Any], **more: Any) -> str:
    """Return the refusal of a condition on an item that does not exist."""
    if values:
        more["ExpressionAttributeValues"] = values
    found = tables(
        "DeleteItem",
        TableName="table",
        Key={"pk": S, "sk": S},
        ConditionExpression=condition,
        **more,
    )
    return str(found.get("message", ""))


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({"pk": S}, f"{INVALID}Missing the key sk in the item"),
        (
            {"pk": N, "sk": S},
            (f"{INVALID}Type mismatch for key pk expected: S actual: N"),
        ),
        (
            {"pk": S, "sk": {"S": ""}},
            (f"{EMPTY_KEY} cannot contain an empty string value. Key: sk"),
        ),
        (
            {"pk": {"S": "x" * 2049}, "sk": S},
            (f"{INVALID}Size of hashkey has exceeded the maximum size limit of2048 bytes"),
        ),
        (
            {"pk": S, "sk": {"S": "ü" * 513}},
            (f"{INVALID}Size of rangekey has exceeded the maximum size limit of1024 bytes"),
        ),
        (
            {"pk": S, "sk": S, "a": {}},
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
        ),
        (
            {"pk": S, "sk": S, "a": {"S": "x", "N": "1"}},
            (
                "Supplied AttributeValue has more than one datatypes set, must contain exactly one "
                "of the supported datatypes"
            ),
        ),
        (
            {"pk": S, "sk": S, "a": {"SS": []}},
            f"{INVALID}An string set  may not be empty",
        ),
        (
            {"pk": S, "sk": S, "a": {"NS": ["1", "1.0"]}},
            (f"{INVALID}Input collection [1, 1] contains duplicates."),
        ),
        (
            {"pk": S, "sk": S, "a": {"NULL": False}},
            (f"{INVALID}Null attribute value types must have the value of true"),
        ),
        (
            {"pk": S, "sk": S, "a": {"N": "one"}},
            "The parameter cannot be converted to a numeric value: one",
        ),
        (
            {"pk": S, "sk": S, "a": {"N": "1" * 39}},
            "Attempting to store more than 38 significant digits in a Number",
        ),
        (
            {"pk": S, "sk": S, "a": {"N": "1e126"}},
            (
                "Number overflow. Attempting to store a number with magnitude larger than "
                "supported range"
            ),
        ),
        (
            {"pk": S, "sk": S, "a": {"N": "1e-131"}},
            (
                "Number underflow. Attempting to store a number with magnitude smaller than "
                "supported range"
            ),
        ),
    ],
)
def test_an_item_should_be_refused(tables: Tables, item: dict[str, Any], words: str) -> None:
    assert put(tables, item) == words
    assert tables.items() == {}


def test_an_item_should_have_at_most_400_kilobytes_names_included(tables: Tables) -> None:
    keys = {"pk": S, "sk": S}
    rest = 400 * 1024 - len("pkssks") - len("body")
    assert put(tables, {**keys, "body": {"S": "x" * (rest + 1)}}) == (
        "Item size has exceeded the maximum allowed size"
    )
    assert put(tables, {**keys, "body": {"S": "x" * rest}}) == ""
    assert update(tables, "SET b = :n", {":n": N}) == (
        "Item size to update has exceeded the maximum allowed size"
    )


def test_values_should_be_nested_at_most_32_levels_deep(tables: Tables) -> None:
    def nested(levels: int) -> dict[str, Any]:
        value: dict[str, Any] = S
        for _ in range(levels):
            value = {"L": [value]}
        return value

    assert put(tables, {"pk": S, "sk": S, "a": nested(32)}) == ""
    assert "Nesting Levels have exceeded" in put(tables, {"pk": S, "sk": S, "a": nested(33)})


@pytest.mark.parametrize(
    "key", [{"pk": S}, {"pk": S, "sk": S, "more": S}, {"pk": S, "sk": N}, {"pk": S, "x": S}]
)
def test_a_key_should_be_exactly_that_of_the_table(tables: Tables, key: dict[str, Any]) -> None:
    found = tables("GetItem", TableName="table", Key=key)
    assert found["message"] == "The provided key element does not match the schema"


@pytest.mark.parametrize(
    ("expression", "values", "words"),
    [
        ("", {}, "The expression can not be empty;"),
        ("SET a b = :n", {":n": N}, 'Syntax error; token: "b", near: "a b ="'),
        ("SET a = :n,", {":n": N}, 'Syntax error; token: "<EOF>", near: ","'),
        ("SET a = :n SET b = :n", {":n": N}, 'The "SET" section can only be used once in an'),
        (
            "SET name = :n",
            {":n": N},
            "Attribute name is a reserved keyword; reserved keyword: n",
        ),
        (
            "SET #a = :n",
            {":n": N},
            (
                "An expression attribute name used in the document path is not defined; "
                "attribute name: #a"
            ),
        ),
        (
            "SET a = :m",
            {":n": N},
            "An expression attribute value used in expression is not defined; attribute value: :m",
        ),
        (
            "SET a.b = :n REMOVE a",
            {":n": N},
            (
                "Two document paths overlap with each other; must remove or rewrite one of these "
                "paths; path one: [a, b], path two: [a]"
            ),
        ),
        (
            "SET a[1] = :n REMOVE a.b",
            {":n": N},
            (
                "Two document paths conflict with each other; must remove or rewrite one of these "
                "paths; path one: [a, [1]], path two: [a, b]"
            ),
        ),
        ("SET a = foo(:n)", {":n": N}, "Invalid function name; function: foo"),
        (
            "SET a = list_append(:n)",
            {":n": N},
            (
                "Incorrect number of operands for operator or function; operator or function: "
                "list_append, number of operands: 1"
            ),
        ),
        (
            "SET a = if_not_exists(:n, :n)",
            {":n": N},
            "Operator or function requires a document path; operator or function: if_not_exists",
        ),
        (
            "SET a = b + :s",
            {":s": S},
            (
                "Incorrect operand type for operator or function; operator or function: +, "
                "operand type: S"
            ),
        ),
        (
            "ADD a :s",
            {":s": S},
            "Incorrect operand type for operator or function; operator: ADD, operand type: STRING",
        ),
        (
            "DELETE a :n",
            {":n": N},
            (
                "Incorrect operand type for operator or function; operator: DELETE, "
                "operand type: NUMBER"
            ),
        ),
    ],
)
def test_an_update_should_be_refused(
    tables: Tables, expression: str, values: dict[str, Any], words: str
) -> None:
    assert update(tables, expression, values).startswith(f"Invalid UpdateExpression: {words}")


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        (
            "SET sk = :n",
            (f"{INVALID}Cannot update attribute sk. This attribute is part of the key"),
        ),
        (
            "SET a = absent + :n",
            "The provided expression refers to an attribute that does not exist in the item",
        ),
        ("ADD letter :n", "An operand in the update expression has an incorrect data type"),
        (
            "SET absent.a = :n",
            "The document path provided in the update expression is invalid for update",
        ),
    ],
)
def test_an_update_that_does_not_fit_the_item_should_be_refused(
    tables: Tables, expression: str, words: str
) -> None:
    put(tables, {"pk": S, "sk": S, "letter": S})
    assert update(tables, expression, {":n": N}) == words
    assert tables.items() == {"s": {"pk": S, "sk": S, "letter": S}}


@pytest.mark.parametrize(
    ("condition", "values", "words"),
    [
        ("a = :s AND", {":s": S}, 'Syntax error; token: "<EOF>", near: "AND"'),
        ("a", {}, 'Syntax error; token: "<EOF>", near: "a"'),
        ("((a = :s))", {":s": S}, "The expression has redundant parentheses;"),
        ("((a)) = :s", {":s": S}, "The expression has redundant parentheses;"),
        ("status = :s", {":s": S}, "Attribute name is a reserved keyword; reserved keyword: st"),
        ("foo(a)", {}, "Invalid function name; function: foo"),
        ("a = contains(b, :s)", {":s": S}, "The function is not allowed to be used this way in"),
        ("size(a)", {}, "The function is not allowed to be used this way in an expression; func"),
        ("attribute_exists(:s)", {":s": S}, "Operator or function requires a document path; op"),
        ("begins_with(a, :n)", {":n": N}, "Incorrect operand type for operator or function; op"),
        ("attribute_type(a, :s)", {":s": S}, "Invalid attribute type name found; type: s, valid"),
        ("a = a", {}, "The first operand must be distinct from the remaining operands for this"),
        (
            "a BETWEEN :b AND :a",
            {":a": {"S": "a"}, ":b": {"S": "b"}},
            (
                "The BETWEEN operator requires upper bound to be greater than or equal to lower "
                "bound; "
                "lower bound operand: AttributeValue: {S:b}, upper bound operand: AttributeValue: "
                "{S:a}"
            ),
        ),
        ("a IN (" + ", ".join([":s"] * 101) + ")", {":s": S}, "Incorrect number of operands for"),
        (" OR ".join(["a = :s"] * 152), {":s": S}, "The expression contains too many operators;"),
        ("a = :s" + " " * 4096, {":s": S}, "Expression size has exceeded the maximum allowed size"),
        ("(" * 101 + "a = :s" + ")" * 101, {":s": S}, "The expression is nested more than"),
    ],
)
def test_a_condition_should_be_refused(
    tables: Tables, condition: str, values: dict[str, Any], words: str
) -> None:
    assert check(tables, condition, values).startswith(f"Invalid ConditionExpression: {words}")


def test_unused_and_malformed_placeholders_should_be_refused(tables: Tables) -> None:
    condition = "attribute_not_exists(pk)"
    assert check(tables, condition, {":s": S}) == (
        "Value provided in ExpressionAttributeValues unused in expressions: keys: {:s}"
    )
    assert check(tables, condition, {}, ExpressionAttributeNames={"#b": "b", "#a": "a"}) == (
        "Value provided in ExpressionAttributeNames unused in expressions: keys: {#a, #b}"
    )
    assert check(tables, condition, {"s": S}) == (
        'ExpressionAttributeValues contains invalid key: Syntax error; key: "s"'
    )
    assert check(tables, condition, {}, ExpressionAttributeValues={}) == (
        "ExpressionAttributeValues must not be empty"
    )
    alone = tables("GetItem", TableName="table", Key={}, ExpressionAttributeNames={"#a": "a"})
    assert alone["message"] == (
        "ExpressionAttributeNames can only be specified when using expressions"
    )


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("sk = :s", "Query condition missed key schema element: pk"),
        ("pk > :s", "Query key condition not supported"),
        ("pk = :s AND colour = :s", "Query condition missed key schema element: sk"),
        (
            "pk = :s OR sk = :s",
            "Invalid KeyConditionExpression: Invalid operator used in KeyConditionExpression: OR",
        ),
        (
            "pk = :s AND sk <> :s",
            "Invalid KeyConditionExpression: Invalid operator used in KeyConditionExpression: <>",
        ),
        (
            "pk = :s AND pk = :s",
            (
                "Invalid KeyConditionExpression: KeyConditionExpressions must only contain one "
                "condition per key"
            ),
        ),
        (
            "pk = :n",
            (f"{INVALID}Condition parameter type does not match schema type"),
        ),
        (
            "pk = :e",
            (f"{EMPTY_KEY} cannot contain an empty string value. Key: pk"),
        ),
    ],
)
def test_a_key_condition_should_be_refused(tables: Tables, condition: str, words: str) -> None:
    values = {":s": S, ":n": N, ":e": {"S": ""}}
    used = {name: value for name, value in values.items() if name in condition}
    found = tables(
        "Query",
        TableName="table",
        KeyConditionExpression=condition,
        ExpressionAttributeValues=used,
    )
    assert found["message"] == words


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"FilterExpression": "sk = :s"}, "Filter Expression can only contain non-primary key"),
        ({"ExclusiveStartKey": {"pk": S}}, "The provided starting key is invalid"),
        (
            {"ExclusiveStartKey": {"pk": {"S": "other"}, "sk": S}},
            "The provided starting key is outside query boundaries based on provided conditions",
        ),
        ({"IndexName": "none"}, "The table does not have the specified index: none"),
        ({"Limit": 0}, "1 validation error detected: Value '0' at 'Limit' failed to satisfy"),
        ({"Select": "ALL_PROJECTED_ATTRIBUTES"}, "ALL_PROJECTED_ATTRIBUTES can be used only"),
        ({"Colour": "red"}, "Unknown parameter: Colour"),
    ],
)
def test_a_query_should_be_refused(tables: Tables, params: dict[str, Any], words: str) -> None:
    found = tables(
        "Query",
        TableName="table",
        KeyConditionExpression="pk = :s",
        ExpressionAttributeValues={":s": S},
        **params,
    )
    assert (found["__type"], found["message"][: len(words)]) == ("ValidationException", words)


def test_batches_should_be_refused_whole(tables: Tables) -> None:
    key = {"pk": S, "sk": S}
    twice = tables("BatchGetItem", RequestItems={"table": {"Keys": [key, key]}})
    assert twice["message"] == "Provided list of item keys contains duplicates"
    puts = [{"PutRequest": {"Item": {"pk": S, "sk": {"S": str(n)}}}} for n in range(26)]
    assert "25" in tables("BatchWriteItem", RequestItems={"table": puts})["message"]
    wrong = [{"PutRequest": {"Item": {"pk": S}}}]
    refused = tables("BatchWriteItem", RequestItems={"table": [*puts[:3], *wrong]})
    assert refused["__type"] == "ValidationException"
    assert tables.items() == {}


def test_tables_should_be_refused(tables: Tables) -> None:
    keys = [{"AttributeName": "pk", "KeyType": "HASH"}]
    defined = [{"AttributeName": "pk", "AttributeType": "S"}]
    whole = {"TableName": "more", "KeySchema": keys, "AttributeDefinitions": defined}
    billed = {**whole, "BillingMode": "PAY_PER_REQUEST"}
    unused = [*defined, {"AttributeName": "x", "AttributeType": "S"}]
    for params, code, words in (
        ({**billed, "TableName": "ab"}, "ValidationException", "TableName must be at least 3"),
        ({**billed, "TableName": "table"}, "ResourceInUseException", "Table already exists"),
        (whole, "ValidationException", f"{INVALID}ReadCap"),
        (
            {**billed, "AttributeDefinitions": unused},
            "ValidationException",
            f"{INVALID}Number of attributes in KeySchema does",
        ),
        (
            {**billed, "StreamSpecification": {"StreamEnabled": True}},
            "UnsupportedOperation",
            "The local cloud does not implement streams",
        ),
    ):
        refused = tables("CreateTable", **params)
        assert (refused["__type"], refused["message"][: len(words)]) == (code, words)
    missing = tables("DescribeTable", TableName="none")
    assert missing["__type"] == "ResourceNotFoundException"
    legacy = tables("GetItem", TableName="table", Key={}, AttributesToGet=["a"])
    assert legacy["__type"] == "UnsupportedOperation"
    assert "AttributesToGet" in legacy["message"]
    backup = tables("CreateBackup", TableName="table", BackupName="backup")
    assert "no backups" in backup["message"]
    tables("UpdateTable", TableName="table", DeletionProtectionEnabled=True)
    kept = tables("DeleteTable", TableName="table")
    assert "protected against deletion" in kept["message"]


def test_reserved_words_should_be_those_of_aws() -> None:
    assert len(reserved_words()) == 573
    assert {"STATUS", "NAME", "SIZE", "TTL", "ZONE", "ABORT"} <= reserved_words()
    assert "PK" not in reserved_words()
