"""Where a request comes from, and how we are reached: X-Forwarded-* is believed only from trusted proxies."""

import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from litestar.types import Scope

Networks = tuple[IPv4Network | IPv6Network, ...]

_HOST = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?", re.ASCII)


def client_address(peer: str | None, forwarded: str, trusted: Networks) -> str | None:
    """Return the address nearest to us that is not a trusted proxy's; a forwarded one that is none ends the search."""
    hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()]
    while peer is not None and hops and is_trusted(peer, trusted):
        try:
            peer = str(ip_address(hops.pop()))
        except ValueError:
            break
    return peer


def origin(scope: Scope, headers: Mapping[str, str], trusted: Networks) -> str:
    """Return scheme and host as the client used them; what can be no host is replaced by our own address."""
    scheme, host = str(scope["scheme"]), headers.get("host", "")
    peer = scope.get("client")
    if trusted and peer and is_trusted(peer[0], trusted):
        # What the nearest proxy says is last; what is before it came from the client.
        told = _last(headers.get("x-forwarded-proto", "")).lower()
        scheme = told if told in ("http", "https") else scheme
        host = _last(headers.get("x-forwarded-host", "")) or host
    if not _HOST.fullmatch(host):
        name, port = scope.get("server") or ("localhost", None)
        host = f"[{name}]" if ":" in name else name
        host += f":{port}" if port else ""
    return f"{scheme}://{host}"


def is_trusted(address: str, networks: Networks) -> bool:
    """Tell whether an address is a trusted proxy's; one of IPv4 is the same inside IPv6."""
    if not networks:
        return False
    try:
        it = ip_address(address)
    except ValueError:
        return False
    if isinstance(it, IPv6Address) and it.ipv4_mapped is not None:
        it = it.ipv4_mapped
    return any(it in network for network in networks)


def _last(values: str) -> str:
    return values.rpartition(",")[2].strip()
