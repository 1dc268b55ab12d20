"""Check which identities a station can use, and warn of those that may cause trouble."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

from cpms.common.errors import refuse

MAX_IDENTITY_LENGTH = 48
COMMON_IDENTITY_LENGTH = 20  # OCPP 1.6 stations often have room for no more (CiString20)
IDENTITY_SYMBOLS = "* - _ = : + | @ ."
USABLE_IDENTITY = re.compile(r"[a-zA-Z0-9*\-_=:+|@.]+")  # OCPP's identifierString


def identity_warning(identity: str) -> str:
    """Return a warning if the identity is too long for some stations, else an empty text."""
    if len(identity) <= COMMON_IDENTITY_LENGTH:
        return ""
    sentence = _("This identity has more than %(usual)d characters. Many OCPP 1.6 stations do not accept it.")
    return sentence % {"usual": COMMON_IDENTITY_LENGTH}


def is_usable_identity(identity: str) -> bool:
    """Return whether a station can use it: ASCII letters and digits and the symbols of OCPP's identifierString."""
    return len(identity) <= MAX_IDENTITY_LENGTH and USABLE_IDENTITY.fullmatch(identity) is not None


def check_identity(identity: str) -> None:
    """Check the identity of a new station.

    Raises:
        DomainError: it is empty, too long, or has a character that stations cannot use.
    """
    if not 1 <= len(identity) <= MAX_IDENTITY_LENGTH:
        refuse("identity", _("An identity must have 1 to %(most)d characters.") % {"most": MAX_IDENTITY_LENGTH})
    if not is_usable_identity(identity):
        refuse(
            "identity",
            _("An identity may contain only letters a to z and A to Z, digits and the characters %(signs)s")
            % {"signs": IDENTITY_SYMBOLS},
        )
