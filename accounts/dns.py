"""TXT records of a domain: the one question we ask the DNS, by which a team proves that a domain is its own."""

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
    try:
        answer = _resolver().resolve(f"{name.rstrip('.')}.", "TXT", lifetime=SECONDS)
    except (
        dns.resolver.NXDOMAIN,
        dns.resolver.NoAnswer,
        dns.name.LabelTooLong,
        dns.name.NameTooLong,
        dns.name.EmptyLabel,
    ):
        return []
    except (dns.exception.DNSException, OSError, UnicodeError):
        raise DnsError(_("The name server did not answer. Please try again in a few minutes.")) from None
    return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]


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
