"""DNS queries: TXT records, with which a team proves that it owns a domain, and where a domain points to."""

from __future__ import annotations

import dns.exception
import dns.name
import dns.resolver
from django.conf import settings
from django.utils.translation import gettext as _

from cpms.common.errors import DomainError

TIMEOUT_SECONDS = 6.0


class DnsError(DomainError):
    """The name server did not answer, or sent an invalid answer."""


def txt_records(name: str) -> list[str]:
    """Return the TXT records of a name; an empty list if the name does not exist.

    Raises:
        DnsError: the name server did not answer.
    """
    answer = _query(name, "TXT")
    return [b"".join(record.strings).decode("utf-8", "replace") for record in answer or ()]


def points_to(name: str, target: str) -> bool:
    """Return whether a name is an alias of the target, or shares an address or a canonical name with it.

    Raises:
        DnsError: the name server did not answer.
    """
    target_addresses, target_names = _addresses(target)
    addresses, names = _addresses(name)
    is_alias = target.rstrip(".").lower() in names or bool(target_names & names)
    return is_alias or bool(target_addresses & addresses)


def _addresses(name: str) -> tuple[set[str], set[str]]:
    """Return the IP addresses of a name, and its canonical names."""
    addresses, names = set(), set()
    for kind in ("A", "AAAA"):
        answer = _query(name, kind)
        if answer is not None:
            addresses |= {record.address for record in answer}
            names.add(answer.canonical_name.to_text(omit_final_dot=True).lower())
    return addresses, names


def _query(name: str, kind: str) -> dns.resolver.Answer | None:
    try:
        return _resolver().resolve(f"{name.rstrip('.')}.", kind, lifetime=TIMEOUT_SECONDS)
    except (
        dns.resolver.NXDOMAIN,
        dns.resolver.NoAnswer,
        dns.name.LabelTooLong,
        dns.name.NameTooLong,
        dns.name.EmptyLabel,
    ):
        return None
    except (dns.exception.DNSException, OSError, UnicodeError):
        raise DnsError(_("The name server did not answer. Please try again in a few minutes.")) from None


def _resolver() -> dns.resolver.Resolver:
    """Return the system's resolver, or the one in the setting DNS_RESOLVER (host, or host:port)."""
    configured = settings.DNS_RESOLVER
    resolver = dns.resolver.Resolver(configure=not configured)
    if configured:
        host, colon, port = configured.rpartition(":")
        has_port = bool(colon) and port.isdecimal() and (":" not in host or host.startswith("["))
        resolver.nameservers = [(host if has_port else configured).strip("[]")]
        resolver.port = int(port) if has_port else 53
    return resolver
