"""Where a webhook may go: URLs and addresses that are refused, and why. Pure: names are resolved elsewhere."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

_LONGEST = 2000
_LONGEST_LABEL = 63
_PORTS = range(1, 65536)

Address = IPv4Address | IPv6Address
_Network = IPv4Network | IPv6Network


def _networks(**named: tuple[str, ...]) -> tuple[tuple[str, _Network], ...]:
    return tuple(
        (name.replace("_", " "), IPv6Network(text) if ":" in text else IPv4Network(text))
        for name, texts in named.items()
        for text in texts
    )


#: Never a target, whatever is allowed. The first match is the reason, so metadata services come first: those at AWS,
#: GCP and Azure (169.254.169.254, in IPv6 addresses inside a private range), Alibaba, Oracle, and Azure's host agent.
_NEVER = _networks(
    metadata=(
        "169.254.169.254/32", "fd00:ec2::/32", "fd20:ce::/32", "100.100.100.200/32", "192.0.0.192/32",
        "168.63.129.16/32",
    ),
    unspecified=("0.0.0.0/8", "::/128"),
    link_local=("169.254.0.0/16", "fe80::/10"),
    multicast=("224.0.0.0/4", "ff00::/8"),
    # The registries of special-purpose addresses (RFC 6890 and what came after it). 6to4 and Teredo, which carry an
    # IPv4 address inside, are out of use: they are refused whole, whatever they carry.
    reserved=(
        "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "240.0.0.0/4", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
        "5f00::/16", "fec0::/10",
    ),
)  # fmt: skip
#: Targets only where private ones are allowed.
_PRIVATE = _networks(
    loopback=("127.0.0.0/8", "::1/128"),
    private=("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
    shared=("100.64.0.0/10",),
)
_GLOBAL = IPv6Network("2000::/3")
_TRANSLATED = IPv6Network("64:ff9b::/96")


def check_address(address: Address | str, *, allow_private: bool) -> str | None:
    """Return why an address is no target, None where it may be one. Raises ValueError for what is no address."""
    it = _unwrapped(ip_address(address) if isinstance(address, str) else address)
    for name, network in _NEVER if allow_private else _NEVER + _PRIVATE:
        if it in network:
            return f"{name} address"
    if isinstance(it, IPv6Address) and it not in _GLOBAL and not any(it in network for _, network in _PRIVATE):
        return "reserved address"
    return None


def check_url(url: str, *, allow_private: bool) -> str | None:
    """Return why a URL is no target, None where it may be one as far as can be told without resolving its name."""
    if len(url) > _LONGEST:
        return f"must not be longer than {_LONGEST} characters"
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return "must be plain ASCII without spaces; international names in their xn-- form"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is not a URL"
    if port is not None and port not in _PORTS:
        return "names a port that there is none of"
    return _check_parts(parts, allow_private=allow_private)


def _check_parts(parts: SplitResult, *, allow_private: bool) -> str | None:
    if parts.scheme != "https" and not (parts.scheme == "http" and allow_private):
        return "must begin with http:// or https://" if allow_private else "must begin with https://"
    if "@" in parts.netloc:
        return "must hold no user name or password"
    if parts.fragment:
        return "must have no fragment"
    return _check_host(parts.hostname or "", allow_private=allow_private)


def _check_host(host: str, *, allow_private: bool) -> str | None:
    try:
        reason = check_address(host, allow_private=allow_private)
    except ValueError:
        return _check_name(host, allow_private=allow_private)
    return reason and f"is refused: {reason}"


def _check_name(host: str, *, allow_private: bool) -> str | None:
    labels = host.removesuffix(".").split(".")
    if not all(0 < len(label) <= _LONGEST_LABEL for label in labels) or not set(host) <= _NAME_CHARACTERS:
        return "names no host"
    # 2130706433, 0x7f.1 and 127.1 are names to us, and 127.0.0.1 to whoever resolves them.
    if labels[-1].isdigit() or labels[-1].startswith("0x"):
        return "names no host: an address has four numbers"
    if labels[-1] == "localhost" and not allow_private:
        return "is refused: loopback address"
    return None


_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")


def _unwrapped(address: Address) -> Address:
    """Return the address that packets go to: IPv4 inside of mapped and translated IPv6, without a zone."""
    if isinstance(address, IPv4Address):
        return address
    plain = IPv6Address(int(address))
    if plain.ipv4_mapped is not None:
        return plain.ipv4_mapped
    return IPv4Address(int(plain) & 0xFFFFFFFF) if plain in _TRANSLATED else plain
