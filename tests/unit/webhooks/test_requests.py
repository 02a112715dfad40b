from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.addresses import HttpTarget, is_public, parse_target
from chalicelib.errors import InvalidInput


def test_should_take_a_public_https_address() -> None:
    target = parse_target("https://Example.com:8443/a/b?c=d", private_allowed=False)
    assert target == HttpTarget("https", "example.com", 8443, "/a/b?c=d")
    assert parse_target("https://example.com", private_allowed=False).resource == "/"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "example.com",
        "https://",
        "https://user:word@example.com/",
        "https://example.com/#part",
        "https://localhost/",
        "https://127.0.0.1/",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://[fe80::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[::127.0.0.1]/",
        "https://[fec0::1]/",
        "https://[64:ff9b::169.254.169.254]/",
        "https://localhost./",
        "https://LOCALHOST/",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://exämple.com/",
        "https://example.com/a b",
        "https://example.com/a\r\nx: y",
        "https://[::1",
    ],
)
def test_should_refuse_what_is_no_public_https_address(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_target(url, private_allowed=False)
    assert caught.value.field == "url"


def test_should_take_a_private_address_where_the_stage_allows_it() -> None:
    target = parse_target("http://127.0.0.1:8000/hook", private_allowed=True)
    assert target == HttpTarget("http", "127.0.0.1", 8000, "/hook")


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("0.0.0.0", False),
        ("2606:2800:220:1::1", True),
        ("fd00::1", False),
        ("2002:0a00:0001::1", False),
        ("64:ff9b::10.0.0.1", False),
        ("64:ff9b::93.184.216.34", True),
        ("64:ff9b:1::93.184.216.34", False),
        ("fec0::1", False),
        ("::127.0.0.1", False),
        ("::93.184.216.34", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:0:127.0.0.1", False),
        ("2002:7f00:0001::1", False),
        ("2002:5db8:d822::1", True),
        ("2001:0:5db8:d822::1", False),
        ("2001:db8::1", False),
        ("3fff::1", False),
        ("5f00::1", False),
        ("100::1", False),
        ("ff0e::1", False),
        ("fe80::1%eth0", False),
        ("fd00:ec2::254", False),
        ("169.254.169.254", False),
        ("169.254.170.2", False),
        ("192.0.0.9", False),
        ("192.88.99.1", False),
        ("198.18.0.1", False),
        ("255.255.255.255", False),
    ],
)
def test_should_tell_public_addresses_from_others(address: str, *, public: bool) -> None:
    assert is_public(address) is public


@given(st.text())
def test_should_answer_any_text_with_a_target_or_a_refusal(url: str) -> None:
    for private_allowed in (False, True):
        try:
            target = parse_target(url, private_allowed=private_allowed)
        except InvalidInput:
            continue
        assert target.resource.startswith("/")
