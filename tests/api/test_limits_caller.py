"""For whom a request counts, and which of several limits holds for him."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from api.limits_caller import address_key, hourly_limit, user_key
from domain.platform.settings import SystemSettings
from domain.platform.users import ACTIVE, User


def user(*roles: str) -> User:
    nothing: Any = None
    return User(
        id=7,
        stream=UUID(int=7),
        version=1,
        status=ACTIVE,
        name=nothing,
        contact=nothing,
        department="",
        roles=roles,
        joined_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("203.0.113.9", "address:203.0.113.9"),
        ("::ffff:203.0.113.9", "address:203.0.113.9"),
        ("2001:db8:1:2:aaaa::1", "address:2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "address:2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "address:2001:db8:1:3::/64"),
        ("::1", "address:::/64"),
        ("fe80::1%eth0", "address:fe80::/64"),
        ("", "address:none"),
        (None, "address:none"),
        ("testclient", "address:none"),
    ],
)
def test_an_address_of_ipv4_counts_alone_and_one_of_ipv6_with_its_network(address: str | None, key: str) -> None:
    assert address_key(address) == key


def test_a_user_counts_by_his_id() -> None:
    assert user_key(user()) == "user:7"


@pytest.mark.parametrize(
    ("settings", "roles", "limit"),
    [
        ({}, (), 1000),
        ({"rate_limit_authenticated": 50}, ("viewer",), 50),
        ({"rate_limit_roles": {"viewer": 20}}, ("viewer",), 20),
        ({"rate_limit_roles": {"viewer": 20}}, ("auditor",), 1000),
        ({"rate_limit_roles": {"viewer": 20, "auditor": 70}}, ("viewer", "auditor"), 70),
        ({"rate_limit_roles": {"viewer": 0, "auditor": 70}}, ("viewer", "auditor"), 0),
        ({"rate_limit_roles": {"viewer": 2000}, "rate_limit_users": {"7": 5}}, ("viewer",), 5),
        ({"rate_limit_roles": {"viewer": 2000}, "rate_limit_users": {"7": 0}}, ("viewer",), 0),
        ({"rate_limit_users": {"8": 5}}, (), 1000),
    ],
)
def test_a_users_own_limit_beats_those_of_his_roles_of_which_the_largest_holds(
    settings: dict[str, Any], roles: tuple[str, ...], limit: int
) -> None:
    assert hourly_limit(SystemSettings(**settings), user(*roles)) == limit


def test_nobody_has_a_limit_of_his_own() -> None:
    assert hourly_limit(SystemSettings(rate_limit_users={"0": 5}), None) == 100
