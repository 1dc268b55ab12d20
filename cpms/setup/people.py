"""Apply the members, groups, tags and grants of a set-up."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from accounts.members.services.invitations import change_role, create_invitation, invite
from accounts.models import Grant, Invitation, Membership, User
from chargers.grants.services.grants import create_grant, edit_grant, has_no_account
from chargers.groups.models import StationGroup
from chargers.groups.services.groups import create_group, edit_group
from chargers.installations.models import Installation
from chargers.stations.models import ChargingStation
from chargers.tags.models import Tag
from chargers.tags.services.adding import NewTag, add_tags
from chargers.tags.services.editing import assign_tag
from chargers.tags.services.scope import TagScope
from chargers.tags.services.windows import checked_windows
from cpms.common.errors import NotAllowed, refuse
from cpms.setup.report import Report, at

TAG_FIELDS = ("label", "status", "kind", "expires_at", "valid_from", "time_windows")
SCOPE_FIELDS = {"scope", "stations", "installations", "groups"}


def apply_member(report: Report, place: str, given: dict[str, Any]) -> None:
    """Invite a person to the team, or change the role of a member. Nobody joins a team without accepting."""
    email, role = given["email"].strip().lower(), given["role"]
    membership = Membership.objects.filter(team=report.team, user__email__iexact=email).select_related("team").first()
    with at(place):
        if membership is not None:
            if membership.role != role:
                change_role(membership=membership, role=role, actor=report.actor)
                report.changed("member", email, "role")
            return
        waiting = Invitation.objects.filter(team=report.team, email__iexact=email, installation=None, station=None)
        if waiting.open().exists():
            return
        if report.actor is None:
            create_invitation(team=report.team, email=email, role=role, actor=None)
        else:
            invite(team=report.team, email=email, role=role, actor=report.actor)
        report.added("invitation", email)


def apply_group(report: Report, place: str, given: dict[str, Any]) -> None:
    """Add a person's group of stations, or replace the stations of it."""
    with at(place):
        person = _member(report, given["person"])
        stations = _stations(report, given.get("stations", []))
        row = StationGroup.objects.filter(user=person, name__iexact=given["name"].strip()).first()
        current = set() if row is None else set(row.stations.filter(team=report.team).values_list("pk", flat=True))
        if row is not None and ("stations" not in given or {one.pk for one in stations} == current):
            return
        if report.actor is not None and person != report.actor:
            raise NotAllowed(_("Groups belong to one person. You can only set up your own."))
        if row is None:
            create_group(user=person, name=given["name"], stations=stations)
            report.added("group", given["name"])
        else:
            foreign = list(row.stations.exclude(team=report.team).only("pk"))  # the file does not know them
            edit_group(group=row, name=row.name, stations=[*stations, *foreign])
            report.changed("group", row.name, "stations")


def apply_tag(report: Report, place: str, given: dict[str, Any]) -> None:
    """Add a tag, or edit the one with this value. What is not given stays as it is."""
    with at(place):
        row = Tag.objects.filter(team=report.team, value__iexact=given["value"]).select_related("user").first()
        wanted = _new_tag(given, row)
        scope = _scope(report, given)
        changed = [] if row is None else [name for name in TAG_FIELDS if getattr(row, name) != getattr(wanted, name)]
        if row is not None and scope is not None and _comparable(TagScope.of(row)) != _comparable(scope):
            changed.append("scope")
        if row is None or changed:
            add_tags(team=report.team, tags=[wanted], scope=scope, actor=report.actor)
        changed += _assign(report, wanted.value, given)
    if row is None:
        report.added("tag", wanted.value)
    else:
        report.changed("tag", row.value, *changed)


def _new_tag(given: dict[str, Any], row: Tag | None) -> NewTag:
    """Return the tag as it should be: what is given, else as it is."""
    current = row or Tag(value=given["value"])
    return NewTag(
        value=current.value,
        label=given.get("label", current.label),
        status=given.get("status", current.status),
        expires_at=_moment("expires_at", given["expires_at"]) if "expires_at" in given else current.expires_at,
        kind=given.get("type", current.kind),
        valid_from=_moment("valid_from", given["valid_from"]) if "valid_from" in given else current.valid_from,
        time_windows=checked_windows(given.get("time_windows", current.time_windows)),
    )


def _scope(report: Report, given: dict[str, Any]) -> TagScope | None:
    """Return where a tag should be valid; None: as it is."""
    if not SCOPE_FIELDS & given.keys():
        return None
    names = {name.strip().upper() for name in given.get("installations", [])}
    rows = Installation.objects.filter(team=report.team)
    installations = [row for row in rows if row.name.upper() in names] if names else []
    if missing := names - {row.name.upper() for row in installations}:
        refuse("installations", _("The team has no installation %(names)s.") % {"names": ", ".join(sorted(missing))})
    groups = [_group(report, one) for one in given.get("groups", [])]
    stations = _stations(report, given.get("stations", []))
    is_selected = bool(stations or installations or groups)
    kind = given.get("scope", Tag.Scope.SELECTED if is_selected else Tag.Scope.ALL)
    return TagScope(kind, stations=stations, installations=installations, groups=groups)


def _group(report: Report, given: dict[str, Any]) -> StationGroup:
    person = _member(report, given["person"])
    row = StationGroup.objects.filter(user=person, name__iexact=given["name"].strip()).first()
    if row is None:
        refuse("groups", _("%(person)s has no group “%(name)s”.") % {"person": person.email, "name": given["name"]})
    return row


def _comparable(scope: TagScope) -> tuple[Any, ...]:
    return scope.kind, *({row.pk for row in rows} for rows in (scope.stations, scope.installations, scope.groups))


def _assign(report: Report, value: str, given: dict[str, Any]) -> list[str]:
    if "person" not in given:
        return []
    tag = Tag.objects.select_related("team", "user").get(team=report.team, value__iexact=value)
    email = (given["person"] or "").strip()
    if (tag.user.email.lower() if tag.user is not None else "") == email.lower():
        return []
    person = User.objects.filter(email__iexact=email).first() if email else None
    if email and person is None:
        refuse("person", _("There is no account with the address %(email)s.") % {"email": email})
    assign_tag(actor=report.actor, tag=tag, person=person)
    return ["person"]


def apply_grant(report: Report, place: str, given: dict[str, Any]) -> None:
    """Grant access to an installation or a station, or change when it ends."""
    with at(place):
        target = _place(report, given)
        email, handle = given.get("person", "").strip(), given.get("team", "").strip()
        ends_at = _moment("ends_at", given.get("ends_at"))
        label = f"{given['role']} of {target} for {email or handle}"
        rows = Grant.objects.active().filter(role=given["role"], **_key(target))
        row = rows.filter(user__email__iexact=email).first() if email else rows.filter(to_team__handle=handle).first()
        if row is not None:
            if "ends_at" in given and row.ends_at != ends_at:
                edit_grant(grant=row, role=row.role, ends_at=ends_at, actor=report.actor)
                report.changed("grant", label, "ends_at")
            return
        if email and has_no_account(email):
            sentence = _("%(place)s was left out: %(email)s has no account yet. Invite the person first.")
            report.warnings.append(sentence % {"place": place, "email": email})
            return
        create_grant(place=target, role=given["role"], email=email, to_team=handle, ends_at=ends_at, actor=report.actor)
        report.added("grant", label)


def _key(target: Installation | ChargingStation) -> dict[str, Any]:
    return {"installation" if isinstance(target, Installation) else "station": target}


def _place(report: Report, given: dict[str, Any]) -> Installation | ChargingStation:
    if "installation" in given:
        name = given["installation"].strip()
        row = Installation.objects.filter(team=report.team, name__iexact=name).first()
        if row is None:
            refuse("installation", _("The team has no installation “%(name)s”.") % {"name": name})
        return row
    [station] = _stations(report, [given["station"]], field="station")
    return station


def _member(report: Report, email: str) -> User:
    person = User.objects.filter(email__iexact=email.strip(), memberships__team=report.team).first()
    if person is None:
        refuse("person", _("%(email)s is not a member of the team.") % {"email": email})
    return person


def _stations(report: Report, identities: list[str], *, field: str = "stations") -> list[ChargingStation]:
    rows = ChargingStation.objects.filter(team=report.team, handed_over_at=None, identity__among=identities)
    found = list(rows.select_related("team", "installation").defer("password", "next_password"))
    if missing := set(identities) - {row.identity for row in found}:
        refuse(field, _("The team has no station %(names)s.") % {"names": ", ".join(sorted(missing)[:10])})
    return found


def _moment(field: str, text: str | None) -> datetime | None:
    """Return a time of the file.

    Raises:
        DomainError: it is no time, or has no zone.
    """
    if text is None:
        return None
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        refuse(field, _("“%(text)s” is not a time with a zone, for example 2027-01-31T12:00:00Z.") % {"text": text})
    return moment
