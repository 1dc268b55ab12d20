"""Which identities a station can use, and which may cause trouble."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

from cpms.common.errors import refuse

MAX_IDENTITY_LENGTH = 48
USUAL_IDENTITY = 20  # OCPP 1.6 stations often have room for no more (CiString20)
IDENTITY_SIGNS = "* - _ = : + | @ ."
USABLE_IDENTITY = re.compile(r"[a-zA-Z0-9*\-_=:+|@.]+")  # OCPP's identifierString


def identity_warning(identity: str) -> str:
    """The sentence about an identity that some stations have no room for; nothing where all have."""
    if len(identity) <= USUAL_IDENTITY:
        return ""
    sentence = _("This identity has more than %(usual)d characters: many OCPP 1.6 stations have no room for it.")
    return sentence % {"usual": USUAL_IDENTITY}


def is_usable_identity(identity: str) -> bool:
    """Whether a station can use it: letters and digits of ASCII and the signs of OCPP's identifierString."""
    return len(identity) <= MAX_IDENTITY_LENGTH and USABLE_IDENTITY.fullmatch(identity) is not None


def check_identity(identity: str) -> None:
    """Check what a station shall call itself.

    Raises:
        DomainError: it is empty, too long, or has a character that stations cannot use.
    """
    if not 1 <= len(identity) <= MAX_IDENTITY_LENGTH:
        refuse("identity", _("An identity has 1 to %(most)d characters.") % {"most": MAX_IDENTITY_LENGTH})
    if not is_usable_identity(identity):
        refuse(
            "identity",
            _("An identity has only letters a to z and A to Z, digits, and the characters %(signs)s")
            % {"signs": IDENTITY_SIGNS},
        )
