"""The rules between policies: what allows, what denies, and what is said of neither."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.iam.conditions import InvalidPolicy
from localcloud.iam.policy import AccessRequest, PolicyDocument, evaluate, parse_policy

ROLE = "arn:aws:iam::000000000000:role/reader"
OBJECT = "arn:aws:s3:::docs/inbox/a.txt"
words = st.text(st.sampled_from("abAB*?:/-."), max_size=8)


def policy(*statements: dict[str, Any], of_resource: bool = False) -> PolicyDocument:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return parse_policy(document, "p", of_resource=of_resource)


def allow(action: Any = "s3:GetObject", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {**allow(action, resource, **more), "Effect": "Deny"}


def request(action: str = "s3:GetObject", resource: str = OBJECT, **context: str) -> AccessRequest:
    keys = {name.replace("_", ":").lower(): (value,) for name, value in context.items()}
    return AccessRequest(action, resource, (("AWS", ROLE),), keys, "000000000000")


def test_what_no_statement_allows_should_be_refused() -> None:
    decision = evaluate(request(), [policy(allow("s3:PutObject"))])
    assert (decision.allowed, decision.match) == (False, None)


def test_a_denial_should_win_wherever_it_stands() -> None:
    allowing, denying = policy(allow()), policy(deny(Sid="No"))
    both = policy(deny("s3:GetObject", Principal="*"), of_resource=True)
    assert evaluate(request(), [allowing]).allowed
    for decision in (
        evaluate(request(), [allowing, denying]),
        evaluate(request(), [denying, allowing]),
        evaluate(request(), [allowing], [both]),
    ):
        assert (decision.allowed, decision.match is None) == (False, False)


def test_a_policy_of_the_resource_should_be_enough_for_whom_it_names() -> None:
    named = policy(allow(Principal={"AWS": ROLE}), of_resource=True)
    another = policy(allow(Principal={"AWS": f"{ROLE}2"}), of_resource=True)
    service = policy(allow(Principal={"Service": "events.amazonaws.com"}), of_resource=True)
    assert evaluate(request(), [], [named]).source == "resource"
    assert not evaluate(request(), [], [another]).allowed
    assert not evaluate(request(), [], [service]).allowed


def test_an_accounts_name_should_deny_its_callers_and_allow_them_nothing() -> None:
    root = {"AWS": "arn:aws:iam::000000000000:root"}
    assert not evaluate(request(), [], [policy(allow(Principal=root), of_resource=True)]).allowed
    denied = evaluate(
        request(), [policy(allow())], [policy(deny(Principal=root), of_resource=True)]
    )
    assert not denied.allowed


def test_actions_should_match_in_any_case_and_resources_should_not() -> None:
    assert evaluate(request("S3:getobject"), [policy(allow("s3:GetOBJECT"))]).allowed
    upper = policy(allow(resource=OBJECT.upper()))
    assert not evaluate(request(), [upper]).allowed


@pytest.mark.parametrize(
    ("pattern", "resource", "fits"),
    [
        ("arn:aws:s3:::docs/*", OBJECT, True),
        ("arn:aws:s3:::docs/inbox/?.txt", OBJECT, True),
        ("arn:aws:s3:::docs/inbox/??.txt", OBJECT, False),
        ("arn:aws:s3:::docs", OBJECT, False),
        ("arn:aws:s3:::docs*", "arn:aws:s3:::docs\nx", True),
        ("arn:aws:s3:::do.s/*", OBJECT, False),
    ],
)
def test_wildcards_should_be_the_only_special_characters(
    pattern: str, resource: str, fits: bool
) -> None:
    decision = evaluate(request(resource=resource), [policy(allow(resource=pattern))])
    assert decision.allowed is fits


def test_not_action_and_not_resource_should_be_about_the_rest() -> None:
    statement = {"Effect": "Allow", "NotAction": "s3:Delete*", "NotResource": "arn:aws:s3:::x/*"}
    rest = [policy(statement)]
    assert evaluate(request(), rest).allowed
    assert not evaluate(request("s3:DeleteObject"), rest).allowed
    assert not evaluate(request(resource="arn:aws:s3:::x/y"), rest).allowed


def test_a_decision_should_name_the_statement_and_the_pattern_that_made_it() -> None:
    statement = allow(["s3:Put*", "s3:Get*"], ["arn:aws:s3:::x", "arn:aws:s3:::docs/*"], Sid="Read")
    match = evaluate(request(), [policy(statement)]).match
    assert match is not None
    assert (match.sid, match.action, match.resource) == ("Read", "s3:get*", "arn:aws:s3:::docs/*")


@given(words, words)
def test_a_pattern_should_match_what_it_is_made_of(prefix: str, rest: str) -> None:
    plain = prefix.replace("*", "x").replace("?", "y")
    decision = evaluate(request(resource=f"{plain}{rest}"), [policy(allow(resource=f"{prefix}*"))])
    assert decision.allowed


@given(
    st.lists(
        st.builds(
            lambda effect, action, resource: {
                "Effect": effect,
                "Action": action,
                "Resource": resource,
            },
            st.sampled_from(["Allow", "Deny"]),
            st.sampled_from(["s3:GetObject", "s3:*", "*", "sqs:SendMessage"]),
            st.sampled_from([OBJECT, "arn:aws:s3:::docs/*", "*", "arn:aws:s3:::other/*"]),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_the_order_and_the_split_of_statements_should_not_matter(
    statements: list[dict[str, Any]],
) -> None:
    together = evaluate(request(), [policy(*statements)])
    apart = evaluate(request(), [policy(each) for each in reversed(statements)])
    fitting = [
        each["Effect"]
        for each in statements
        if each["Action"] != "sqs:SendMessage" and "other" not in each["Resource"]
    ]
    assert together.allowed is apart.allowed
    assert together.allowed is ("Allow" in fitting and "Deny" not in fitting)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("{", "p is not JSON"),
        ([], "p must be an object"),
        ({"Statement": [], "Extra": 1}, "Extra"),
        ({"Version": "2020-01-01", "Statement": allow()}, "2012-10-17"),
        ({"Statement": "x"}, "must be an object"),
        ({"Statement": {**allow(), "Effect": "allow"}}, "Effect"),
        ({"Statement": {**allow(), "NotAction": "x"}}, "either Action or NotAction"),
        ({"Statement": {"Effect": "Allow", "Action": "x"}}, "either Resource or NotResource"),
        ({"Statement": allow([])}, "must not be empty"),
        ({"Statement": allow([{}])}, "not dict"),
        ({"Statement": allow(Principal="*")}, "Principal"),
    ],
)
def test_what_cannot_be_evaluated_should_be_refused_by_name(document: Any, words: str) -> None:
    with pytest.raises(InvalidPolicy, match=words):
        parse_policy(document, "p")


@pytest.mark.parametrize("principal", [None, {}, {"Federated": "x"}, "x", {"AWS": []}])
def test_a_principal_that_is_none_should_be_refused(principal: Any) -> None:
    with pytest.raises(InvalidPolicy, match="Principal"):
        policy(allow(Principal=principal), of_resource=True)
