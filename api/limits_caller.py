"""Whom a request counts for, and which limit holds for him."""

from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address

from domain.platform.settings import SystemSettings
from domain.platform.users import User

UNLIMITED = 0
_IPV6_HOST_BITS = 64


@lru_cache(maxsize=10_000)
def address_key(address: str | None) -> str:
    """Return what an anonymous request is counted under: an IPv4 address, an IPv6 /64, as one customer has at least."""
    try:
        it = ip_address(address or "")
    except ValueError:
        return "address:none"  # As over a UNIX socket: all who come that way together.
    if isinstance(it, IPv6Address):
        if it.ipv4_mapped is None:
            return f"address:{IPv6Network((int(it) >> _IPV6_HOST_BITS << _IPV6_HOST_BITS, _IPV6_HOST_BITS))}"
        it = it.ipv4_mapped
    return f"address:{it}"


def user_key(user: User) -> str:
    """Return what a user's requests are counted under, wherever they come from."""
    return f"user:{user.id}"


def hourly_limit(settings: SystemSettings, user: User | None) -> int:
    """Return how many requests an hour a user may make, None for nobody's; 0: as many as he likes.

    The user's own limit beats those of his roles, of which the largest holds; without either it is everybody's.
    """
    if user is None:
        return settings.rate_limit_anonymous
    if settings.rate_limit_users:
        own = settings.rate_limit_users.get(str(user.id))
        if own is not None:
            return own
    if settings.rate_limit_roles:
        given = [settings.rate_limit_roles[role] for role in user.roles if role in settings.rate_limit_roles]
        if given:
            return UNLIMITED if UNLIMITED in given else max(given)
    return settings.rate_limit_authenticated
