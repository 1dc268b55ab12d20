"""Page texts about sessions: authorization results, and why a session is not billed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chargers.vocabulary import TagVerdict, label_of
from sessions.ledger.models import ChargingSession, Flag

NOT_BILLED_REASONS: Mapping[Flag, Promise] = {
    Flag.CLOCK: gettext_lazy("The station's clock was wrong, so the session times are unreliable."),
    Flag.NEGATIVE_DURATION: gettext_lazy("The station reported an end before the start."),
    Flag.CONFLICTING_STOP: gettext_lazy("The station reported two different ends."),
    Flag.NEGATIVE_REGISTER: gettext_lazy("The meter reading at the end is below the one at the start, or negative."),
    Flag.TOO_MUCH_ENERGY: gettext_lazy("The energy is more than the connector can deliver in this time."),
    Flag.OVERLAP: gettext_lazy("Another session ran on this connector at the same time."),
}


def authorization_label(authorization: str) -> str:
    """Return how the tag that started a session was authorized."""
    return label_of(TagVerdict, authorization)


def not_billed_reason(session: ChargingSession) -> str:
    """Return why a session is not billed, in sentences; empty if it is billed."""
    if session.is_billable:
        return ""
    return " ".join(_reasons(session.authorization, session.flags, session.start_received_at is not None))


def not_billed_cell(is_billable: bool, authorization: str, flags: list[str], start_received_at: object) -> str:
    """Return the same as `not_billed_reason` for a row of an export."""
    return "" if is_billable else " ".join(_reasons(authorization, flags, start_received_at is not None))


def _reasons(authorization: str, flags: Iterable[str], is_start_known: bool) -> list[str]:
    reasons = []
    if not is_start_known:
        reasons.append(_("Only the end was reported, so the driver and the energy are unknown."))
    elif authorization != TagVerdict.ACCEPTED:
        reasons.append(_("The tag was not accepted (%(status)s).") % {"status": authorization})
    flagged = set(flags)
    return reasons + [str(sentence) for flag, sentence in NOT_BILLED_REASONS.items() if flag.value in flagged]
