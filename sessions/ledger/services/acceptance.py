"""Accept sessions afterwards that ran under a tag which was refused, so that they can be billed."""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Upper

from accounts.models import Team
from chargers.models import ChargingStation, Tag
from chargers.vocabulary import TagVerdict
from cpms.common.messaging.news import tell_pages
from sessions.ledger.models import ChargingSession, Flag
from sessions.ledger.services.clocks import set_flag
from sessions.ledger.services.review import attach_ratings, update_billing

BATCH_SIZE = 500
ACCEPTED_ANYWAY = [TagVerdict.ACCEPTED, TagVerdict.CONCURRENT]  # a busy tag was known: another reason to refuse it


def refused_sessions(team: Team, value: str) -> QuerySet[ChargingSession]:
    """Return the sessions of a team that ran under this tag, in any case, although it was refused."""
    sessions: QuerySet[ChargingSession] = ChargingSession.objects.alias(upper=Upper("id_tag")).filter(
        team=team, upper=value.upper()
    )
    return sessions.exclude(authorization__in=ACCEPTED_ANYWAY)


@transaction.atomic
def accept_sessions(*, team: Team, value: str, tag: Tag) -> int:
    """Mark the sessions under a refused tag as authorised by this tag. Returns how many there were.

    They can be billed then, unless something else about them is doubtful.
    """
    keys = list(refused_sessions(team, value).order_by("pk").values_list("pk", "station_id"))
    stations = sorted({station for _key, station in keys})
    # Stations before sessions, as in the drain: otherwise a report could overwrite what is decided here.
    locked = ChargingStation.objects.filter(pk__in=stations).order_by("pk").select_for_update(no_key=True)
    list(locked.values_list("pk", flat=True))
    for start in range(0, len(keys), BATCH_SIZE):
        batch = [key for key, _station in keys[start : start + BATCH_SIZE]]
        sessions = list(ChargingSession.objects.filter(pk__in=batch).order_by("pk").select_for_update(no_key=True))
        attach_ratings(sessions)
        for session in sessions:
            session.authorization, session.tag = TagVerdict.ACCEPTED, tag
            set_flag(session, Flag.UNAUTHORISED, False)
            update_billing(session)
        ChargingSession.objects.bulk_update(
            sessions, ["authorization", "tag", "flags", "has_flags", "is_billable"], BATCH_SIZE // 5
        )
    tell_pages({team.pk: stations})
    return len(keys)
