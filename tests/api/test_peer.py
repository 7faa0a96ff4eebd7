"""Whom we believe about where a request comes from and how we are reached."""

from ipaddress import ip_network
from typing import Any

import pytest

from api.peer import client_address, is_trusted, origin

PROXIES: Any = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.3", "10.0.0.3"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, nonsense", "10.0.0.1"),
        ("::ffff:10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("fd00::1", " 198.51.100.1 ,, ", "198.51.100.1"),
        (None, "198.51.100.1", None),
    ],
)
def test_the_client_is_the_nearest_that_is_no_proxy_of_ours(peer: str, forwarded: str, address: str) -> None:
    assert client_address(peer, forwarded, PROXIES) == address


@pytest.mark.clause("11.10(h)", negative=True)
def test_nobody_is_trusted_unless_named() -> None:
    assert not is_trusted("127.0.0.1", ())
    assert not is_trusted("no address", PROXIES)


def asked(peer: str = "10.0.0.1", **headers: str) -> str:
    scope: Any = {"scheme": "http", "client": (peer, 1), "server": ("192.0.2.1", 8000)}
    return origin(scope, {name.replace("_", "-"): value for name, value in headers.items()}, PROXIES)


def test_a_trusted_proxy_says_how_we_are_reached() -> None:
    told = {"host": "inner:8000", "x_forwarded_proto": "https", "x_forwarded_host": "api.example.com"}
    assert asked(**told) == "https://api.example.com"
    assert asked("203.0.113.9", **told) == "http://inner:8000"


def test_of_several_values_the_nearest_proxys_counts() -> None:
    told = {"host": "inner", "x_forwarded_proto": "gopher, https", "x_forwarded_host": "evil.example, api.example.com"}
    assert asked(**told) == "https://api.example.com"


@pytest.mark.parametrize(
    "host", ["", "a b", "a/b", "a@b", "a:port", "a:123456", "[::1", "-a", "a\r\nb", '"><script>', "é"]
)
def test_what_can_be_no_host_is_replaced_by_our_address(host: str) -> None:
    assert asked(host=host) == "http://192.0.2.1:8000"
    assert asked(host="good", x_forwarded_host=host or "-") in ("http://192.0.2.1:8000", "http://good")


def test_a_scheme_that_is_none_is_not_taken() -> None:
    assert asked(host="good", x_forwarded_proto="javascript") == "http://good"
