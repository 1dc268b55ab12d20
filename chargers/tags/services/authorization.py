"""Decide whether a tag may charge at a station."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Upper
from django.utils import timezone

from accounts.access.rights import Can, GrantRole, Role, allows
from accounts.models import Grant, Membership
from chargers.protocols import protocol_named
from chargers.stations.models import ChargingStation
from chargers.tags.models import RefusedTag, Tag, selects
from chargers.tags.services.windows import is_within, zone_named
from chargers.vocabulary import TagVerdict
from cpms.common.database.prepared import Prepared

CHARGING_GRANTS = [role for role in GrantRole.values if allows(role, Can.CHARGE)]
CHARGING_MEMBERS = [role for role in Role.values if allows(role, Can.CHARGE)]
Reason = RefusedTag.Reason


def _tags_here(team: Any, upper: Any, station: Any, at: Any) -> QuerySet[Any]:
    """Return the tags with this value, in any case, that may be accepted at this station.

    The tags of the station's own team come first, then those of users and teams that were granted the right to charge.
    """
    out_of_use = ChargingStation.objects.filter(pk=station, deactivated_at__isnull=False)
    grants = _grants_at(station, at)
    members = Membership.objects.filter(user=OuterRef("user"), team=OuterRef("team"))
    person_may = Q(user__is_active=True) & (
        (Exists(grants.filter(user=OuterRef("user"))) & (Q(team=None) | Exists(members)))
        | (Q(team=None) & Exists(grants.filter(_to_team_of("user"))))
    )
    team_may = Q(team__isnull=False) & Exists(grants.filter(to_team=OuterRef("team")))
    # A tag that the team gave to a user outside is valid where and as long as that user's access is.
    is_outsiders = Exists(Grant.objects.filter(team=OuterRef("team"), user=OuterRef("user"))) & ~Exists(members)
    return (
        Tag.objects.annotate(
            key=Upper("value"),
            is_own=Case(When(team=team, then=Value(True)), default=Value(False)),
            is_for_here=Case(When(Q(scope=Tag.Scope.ALL) | selects(station), then=Value(True)), default=Value(False)),
            is_out_of_use=Exists(out_of_use),
            zone_name=Subquery(ChargingStation.objects.filter(pk=station).values("installation__time_zone")[:1]),
            has_access=Case(
                When(~Q(team=team) | Q(user=None), then=Value(True)),  # the filter below requires it for other teams
                When(is_outsiders, then=Exists(grants.filter(user=OuterRef("user")))),
                default=Value(True),
            ),
        )
        .filter(Q(team=team) | person_may | team_may, key=upper)
        .order_by("-is_own", "pk")
    )


def _grants_at(station: Any, at: Any) -> QuerySet[Grant]:
    """Return the grants that include the right to charge at a station at this time."""
    return Grant.objects.filter(
        Q(station=station) | Q(installation__stations=station),
        Q(ends_at=None) | Q(ends_at__gt=at),
        Q(withdrawn_at=None) | Q(withdrawn_at__gt=at),
        role__in=CHARGING_GRANTS,
    ).order_by()


def _to_team_of(person: str) -> Q:
    return Q(to_team__memberships__user=OuterRef(person), to_team__memberships__role__in=CHARGING_MEMBERS)


_tag_at = Prepared(_tags_here)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision about a tag.

    Attributes:
        status: one of `TagVerdict`.
        tag: None if the tag is unknown.
        reason: why it is refused, one of `RefusedTag.Reason`; empty if it is accepted.
    """

    status: str
    tag: Tag | None = None
    reason: str = ""

    @property
    def is_accepted(self) -> bool:
        return self.status == TagVerdict.ACCEPTED


def authorize_tag(*, station: ChargingStation, value: str, at: datetime | None = None) -> Verdict:
    """Decide about a tag.

    A tag is accepted if its team owns the station, or if its team or its user was granted the right to charge there (a
    tag of a user must belong to no team or to a team of that user). It is invalid if it is unknown, if its scope does
    not include the station, before it is valid and outside its time windows, or if the station is deactivated.

    Args:
        at: the time for which to decide; sessions that were recorded offline use their own time.
    """
    longest = protocol_named(station.protocol).max_tag_length
    if station.team_id is None or (longest is not None and len(value) > longest):
        return Verdict(TagVerdict.INVALID, reason=Reason.UNKNOWN)
    at = at or timezone.now()
    tag = _tag_at.first(team=station.team_id, upper=value.upper(), station=station.pk, at=at)
    if tag is None:
        return Verdict(TagVerdict.INVALID, reason=Reason.UNKNOWN)
    if tag.status == Tag.Status.BLOCKED:
        return Verdict(TagVerdict.BLOCKED, tag, Reason.BLOCKED)
    if tag.expires_at is not None and tag.expires_at <= at:
        return Verdict(TagVerdict.EXPIRED, tag, Reason.EXPIRED)
    reason = _reason_to_refuse(tag, at)
    return Verdict(TagVerdict.INVALID, tag, reason) if reason else Verdict(TagVerdict.ACCEPTED, tag)


def _reason_to_refuse(tag: Any, at: datetime) -> str:
    """Return why a tag that is neither blocked nor expired is not valid here and then; empty if it is valid."""
    if tag.is_out_of_use:
        return Reason.STATION
    if not tag.has_access:
        return Reason.ACCESS
    if not tag.is_for_here:
        return Reason.PLACE
    if tag.valid_from is not None and at < tag.valid_from:
        return Reason.NOT_YET
    if tag.time_windows and not is_within(tag.time_windows, at, zone_named(tag.zone_name)):
        return Reason.HOURS
    return ""
