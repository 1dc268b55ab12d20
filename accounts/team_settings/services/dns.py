"""What we ask the DNS: TXT records, by which a team proves that a domain is its own, and where a domain leads."""

from __future__ import annotations

import dns.exception
import dns.name
import dns.resolver
from django.conf import settings
from django.utils.translation import gettext as _

from cpms.common.errors import DomainError

SECONDS = 6.0


class DnsError(DomainError):
    """The name server did not answer, or not so that it can be understood."""


def txt_records(name: str) -> list[str]:
    """What the TXT records of a name say; none where there is no such name.

    Raises:
        DnsError: nobody could be asked.
    """
    answer = _ask(name, "TXT")
    return [b"".join(record.strings).decode("utf-8", "replace") for record in answer or ()]


def leads_to(name: str, target: str) -> bool:
    """Whether a name is an alias of another one, or has an address that the other one has too.

    Raises:
        DnsError: nobody could be asked.
    """
    ours, names = _addresses(target)
    its, its_names = _addresses(name)
    return bool(ours & its) or target.rstrip(".").lower() in its_names or bool(names & its_names)


def _addresses(name: str) -> tuple[set[str], set[str]]:
    """Its addresses, and the names that it is an alias of."""
    addresses, names = set(), set()
    for kind in ("A", "AAAA"):
        answer = _ask(name, kind)
        if answer is not None:
            addresses |= {record.address for record in answer}
            names.add(answer.canonical_name.to_text(omit_final_dot=True).lower())
    return addresses, names


def _ask(name: str, kind: str) -> dns.resolver.Answer | None:
    try:
        return _resolver().resolve(f"{name.rstrip('.')}.", kind, lifetime=SECONDS)
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
    """The machine's own, or the one that DNS_RESOLVER names (host, or host:port)."""
    given = settings.DNS_RESOLVER
    resolver = dns.resolver.Resolver(configure=not given)
    if given:
        host, colon, port = given.rpartition(":")
        has_port = bool(colon) and port.isdecimal() and (":" not in host or host.startswith("["))
        resolver.nameservers = [(host if has_port else given).strip("[]")]
        resolver.port = int(port) if has_port else 53
    return resolver
