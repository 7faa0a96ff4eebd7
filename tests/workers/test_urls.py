"""Where a webhook may go."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.platform.urls import check_address, check_url

_INNER = [
    IPv4Network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "100.64.0.0/10",
                 "224.0.0.0/4", "240.0.0.0/4", "0.0.0.0/8")
]  # fmt: skip
_INNER_V6 = [
    IPv6Network(text)
    for text in ("::/128", "::1/128", "fc00::/7", "fe80::/10", "ff00::/8", "2001:db8::/32", "2001::/32")
]

inner_v4 = st.sampled_from(_INNER).flatmap(lambda network: st.ip_addresses(network=network))
inner_v6 = st.sampled_from(_INNER_V6).flatmap(lambda network: st.ip_addresses(network=network))


@given(inner_v4)
def test_inner_ipv4_is_refused_in_every_dress(address: IPv4Address) -> None:
    """Plain, mapped, NAT64, 6to4, IPv4-compatible: all lead to the same place, or nowhere."""
    number = int(address)
    dressed = (
        address,
        IPv6Address((0xFFFF << 32) | number),
        IPv6Address((0x0064FF9B << 96) | number),
        IPv6Address((0x2002 << 112) | (number << 80)),
        IPv6Address((0x2001 << 112) | (number ^ 0xFFFFFFFF)),
        IPv6Address(number),
    )
    assert all(check_address(one, allow_private=False) for one in dressed)


@given(inner_v6)
def test_inner_ipv6_is_refused(address: IPv6Address) -> None:
    """Local, multicast, documentation and tunnelled addresses are no targets."""
    assert check_address(address, allow_private=False)


@given(st.ip_addresses(v=4))
def test_nothing_that_is_not_global_is_let_through(address: IPv4Address) -> None:
    """The standard library's table, an independent one, agrees on what is refused."""
    if not address.is_global or address.is_multicast:
        assert check_address(address, allow_private=False)


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "93.184.215.14", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8"],
)
def test_public_addresses_are_targets(address: str) -> None:
    """Also translated and mapped ones: behind NAT64 all of IPv4 looks like that."""
    assert check_address(address, allow_private=False) is None


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "10.1.2.3", "192.168.0.1", "fd12::1", "100.64.0.1", "::ffff:10.0.0.1"]
)
def test_private_addresses_are_targets_where_allowed(address: str) -> None:
    """The setting opens private networks."""
    assert check_address(address, allow_private=False)
    assert check_address(address, allow_private=True) is None


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "fd00:ec2::254", "100.100.100.200",
     "168.63.129.16", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255", "fe80::1", "fe80::1%eth0"],
)  # fmt: skip
def test_some_are_targets_nowhere(address: str) -> None:
    """Metadata services, multicast, the unspecified address: whatever the setting says."""
    assert check_address(address, allow_private=True)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "ftp://example.com/", "https://", "https:///x", "//example.com", "", "https://a@example.com/",
        "https://:b@example.com/", "https://localhost/", "https://x.localhost./", "https://127.0.0.1/", "https://[::1]/",
        "https://2130706433/", "https://127.1/", "https://0x7f.0x1/", "https://0177.0.0.1/", "https://[fe80::1%25eth0]/",
        "https://example.com:0/", "https://example.com:65536/", "https://example.com:x/", "https://example.com\\@evil/",
        "https://exämple.com/", "https://example.com/ x", "https://example.com/\n", "https://example.com/#part",
        "https://a..b/", "https://169.254.169.254/latest", "https://[::ffff:10.0.0.1]/", "https://x/" + "a" * 2000,
        "https://ex%61mple.com/", "https://[::1/",
    ],
)  # fmt: skip
def test_urls_that_are_refused(url: str) -> None:
    """Each for a reason that is said."""
    assert check_url(url, allow_private=False)


@pytest.mark.parametrize(
    "url", ["https://example.com", "https://a.example.com:8443/x?y=1", "HTTPS://Example.com/", "https://1.1.1.1/"]
)
def test_urls_that_are_taken(url: str) -> None:
    """Any port, any path."""
    assert check_url(url, allow_private=False) is None


@pytest.mark.parametrize("url", ["http://localhost:8000/", "http://127.0.0.1:1/", "https://10.0.0.1/", "http://[::1]/"])
def test_private_urls_are_taken_where_allowed(url: str) -> None:
    """The setting implies plain http."""
    assert check_url(url, allow_private=False)
    assert check_url(url, allow_private=True) is None


@given(st.text(max_size=60) | st.text(max_size=40).map(lambda text: f"https://{text}"))
def test_any_text_gets_an_answer(text: str) -> None:
    """No text makes the check fail."""
    check_url(text, allow_private=False)
