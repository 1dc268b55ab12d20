"""Decide about tags that were refused at stations: adopt them with their sessions, or ignore them."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Count, Sum
from django.db.models.functions import Upper
from django.utils.translation import gettext as _

from accounts.access.rights import Can
from accounts.audit.services import Action, record_entry
from accounts.models import User
from chargers.models import RefusedTag, Tag
from chargers.tags.services import editing
from cpms.common.errors import NotAllowed
from sessions.ledger.models import ChargingSession
from sessions.ledger.services.acceptance import ACCEPTED_ANYWAY, accept_sessions

State = RefusedTag.State


def attach_sessions(refused: list[Any]) -> None:
    """Set `session_count` and `energy_wh` of each refused tag, of the sessions not accepted yet, with one query."""
    values = {row.value.upper() for row in refused}
    sessions = ChargingSession.objects.annotate(upper=Upper("id_tag")).filter(
        team__in={row.team_id for row in refused}, upper__in=values
    )
    sums = sessions.exclude(authorization__in=ACCEPTED_ANYWAY).order_by().values_list("team", "upper")
    found = {
        (team, upper): (count, energy)
        for team, upper, count, energy in sums.annotate(count=Count("pk"), energy=Sum("energy_wh"))
    }
    for row in refused:
        row.session_count, row.energy_wh = found.get((row.team_id, row.value.upper()), (0, 0))


@transaction.atomic
def adopt_tag(*, actor: User, refused: RefusedTag) -> tuple[Tag, int]:
    """Add a refused tag to the team, and accept its sessions. Returns the tag, and how many sessions were accepted.

    A tag that exists already stays as it is: a blocked one stays blocked.

    Raises:
        NotAllowed: the actor may not edit the tags of the team.
        DomainError: the value cannot be that of a tag.
    """
    refused = _locked(actor, refused)
    known = Tag.objects.filter(team=refused.team, value__iexact=refused.value).first()
    tag = known or refused.tag or editing.save_tag(actor=actor, team=refused.team, value=refused.value)
    count = accept_sessions(team=refused.team, value=refused.value, tag=tag)
    refused.tag, refused.state = tag, State.ADOPTED
    refused.save(update_fields=["tag", "state"])
    changes = {"accepted_sessions": ["", str(count)]}
    record_entry(tag, actor=actor, team_id=refused.team_id, changes=changes, action=Action.UPDATE)
    return tag, count


@transaction.atomic
def ignore_tag(*, actor: User, refused: RefusedTag) -> None:
    """Take a refused tag off the list, also if it is presented again. Its sessions stay unauthorised.

    Raises:
        NotAllowed: the actor may not edit the tags of the team.
    """
    refused = _locked(actor, refused)
    refused.state = State.IGNORED
    refused.save(update_fields=["state"])


def may_decide(actor: User, refused: RefusedTag) -> bool:
    return actor.access.may(Can.OPERATE, refused.team)


def _locked(actor: User, refused: RefusedTag) -> RefusedTag:
    row: RefusedTag = (
        RefusedTag.objects.select_for_update(of=("self",)).select_related("team", "tag").get(pk=refused.pk)
    )
    if not may_decide(actor, row):
        raise NotAllowed(_("Only operators and administrators of the team can decide about refused tags."))
    return row
