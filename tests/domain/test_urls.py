"""Where a webhook may go."""

import pytest

from domain.platform.urls import check_address, check_url


@pytest.mark.parametrize(
    "url",
    ["https://example.com", "https://example.com:8443/a?b=c", "https://93.184.216.34/", "https://[2606:4700::1111]/x"],
)
def test_a_public_target_is_taken(url: str) -> None:
    assert check_url(url, allow_private=False) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "ftp://example.com",
        "https://",
        "https://user:secret@example.com",
        "https://example.com/#part",
        "https://example.com:0",
        "https://example.com:99999",
        "https://exa mple.com",
        "https://ex\\ample.com",
        "https://münchen.example",
        "https://localhost/",
        "https://api.localhost./",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://127.0.0.1./",
        "https://10.1.2.3/",
        "https://192.168.0.1/",
        "https://172.31.0.1/",
        "https://100.64.0.1/",
        "https://[::1]/",
        "https://[fd12::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://" + "a" * 64 + ".com",
        "https://example.com/" + "a" * 2000,
    ],
)
def test_what_is_private_odd_or_not_encrypted_is_refused(url: str) -> None:
    assert check_url(url, allow_private=False)


@pytest.mark.parametrize(
    "url", ["http://localhost:8000/hook", "http://127.0.0.1/", "https://[fd12::1]/", "http://10.0.0.1"]
)
def test_private_targets_may_be_allowed(url: str) -> None:
    assert check_url(url, allow_private=True) is None


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "fd00:ec2::254", "fd20:ce::254", "::ffff:169.254.169.254", "168.63.129.16", "100.100.100.200"],
)
def test_a_metadata_service_is_never_a_target(address: str) -> None:
    assert check_address(address, allow_private=True) == "metadata address"


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "224.0.0.1", "ff02::1", "fe80::1%eth0", "255.255.255.255", "::2"])
def test_what_is_no_host_is_never_a_target(address: str) -> None:
    assert check_address(address, allow_private=True)


def test_what_is_no_address_is_an_error() -> None:
    with pytest.raises(ValueError, match="does not appear"):
        check_address("example.com", allow_private=True)
