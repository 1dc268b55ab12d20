"""What a session's figures mean, in sentences for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chargers.vocabulary import TagVerdict, label_of
from sessions.ledger.models import ChargingSession, Flag

WHY_NOT: Mapping[Flag, Promise] = {
    Flag.CLOCK: gettext_lazy("The station's clock was wrong, so the times of the session are not certain."),
    Flag.NEGATIVE_DURATION: gettext_lazy("The station reported an end before the start."),
    Flag.CONFLICTING_STOP: gettext_lazy("The station reported two different ends."),
    Flag.NEGATIVE_REGISTER: gettext_lazy("The meter reading at the end is below the one at the start, or negative."),
    Flag.TOO_MUCH_ENERGY: gettext_lazy("The energy is more than the connector can deliver in this time."),
    Flag.OVERLAP: gettext_lazy("Another session ran on this connector at the same time."),
}


def authorization_label(authorization: str) -> str:
    """What became of the card that a session was started with."""
    return label_of(TagVerdict, authorization)


def why_not_billed(session: ChargingSession) -> str:
    """The sentences that say why a session is not billed; nothing where it is."""
    if session.is_billable:
        return ""
    return " ".join(_reasons(session.authorization, session.flags, session.start_received_at is not None))


def not_billed_cell(is_billable: bool, authorization: str, flags: list[str], start_received_at: object) -> str:
    """The same for a file, by column."""
    return "" if is_billable else " ".join(_reasons(authorization, flags, start_received_at is not None))


def _reasons(authorization: str, flags: Iterable[str], is_start_known: bool) -> list[str]:
    found = []
    if not is_start_known:
        found.append(_("Only the end was reported, so it is not known who charged and how much."))
    elif authorization != TagVerdict.ACCEPTED:
        found.append(_("The tag was not accepted (%(word)s).") % {"word": authorization})
    flagged = set(flags)
    return found + [str(sentence) for flag, sentence in WHY_NOT.items() if flag.value in flagged]
