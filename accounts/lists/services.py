"""Save the columns and views of lists."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import IntegrityError, transaction
from django.http import QueryDict
from django.utils.translation import gettext as _

from accounts.access.rights import Can
from accounts.access.services import require_team_admin
from accounts.lists.models import SavedView
from accounts.people.models import User
from accounts.teams.models import Team
from cpms.common.errors import NotAllowed, refuse
from cpms.common.text.lines import check_lines
from cpms.common.web.list_settings import ListSettings, View

MAX_VIEWS = 50  # of one user and list
MAX_COLUMNS = 60
MAX_NAME_LENGTH, MAX_QUERY_LENGTH = 80, 2000
NOT_SAVED = ("page", "until", "view", "export", "options")  # parameters that are no part of a view


def settings_of(user: User, list_name: str) -> ListSettings:
    """Return the columns that a user chose for a list, and the views they see; one query, and one for their teams."""
    rows = list(SavedView.objects.visible_to(user).filter(list_name=list_name).select_related("team").order_by("name"))
    managed = user.access.scope(Can.MANAGE_TEAM).teams
    views = [
        View(
            pk=row.pk,
            name=row.name,
            team=row.team.name if row.team else "",
            address=f"{row.query}{'&' if row.query else ''}view={row.pk}",
            columns=row.columns,
            may_delete=_may_delete(row, user),
        )
        for row in rows
        if row.name
    ]
    columns: Sequence[str] = next((row.columns for row in rows if not row.name), [])
    teams = [(team.pk, team.name) for team in user.access.own_teams if team.pk in managed] if managed else []
    return ListSettings(columns, views, teams)


@transaction.atomic
def set_columns(*, user: User, list_name: str, columns: Sequence[str]) -> None:
    """Set the columns that a user sees in a list; without any, the list shows its usual ones."""
    own = SavedView.objects.filter(user=user, list_name=list_name, name="")
    if not columns:
        own.delete()
        return
    SavedView.objects.update_or_create(
        user=user, list_name=list_name, name="", defaults={"columns": _checked(columns), "query": ""}
    )


@transaction.atomic
def save_view(
    *, user: User, list_name: str, name: str, query: str, columns: Sequence[str], team: Team | None = None
) -> SavedView:
    """Save filters, order and columns under a name, privately or for a team.

    Raises:
        NotAllowed: the user is not an administrator of the team.
        DomainError: the name is empty or taken, or there are too many views.
    """
    if team is not None:
        require_team_admin(user, team)
    name = name.strip()
    if not name or len(name) > MAX_NAME_LENGTH:
        refuse("name", _("A view needs a name of at most %(most)d characters.") % {"most": MAX_NAME_LENGTH})
    check_lines(name=name)
    parameters = QueryDict(query, mutable=True)
    for parameter in NOT_SAVED:
        parameters.pop(parameter, None)
    if len(saved := parameters.urlencode()) > MAX_QUERY_LENGTH:
        refuse("name", _("These filters are too long to be saved."))
    if SavedView.objects.filter(user=user, list_name=list_name).count() >= MAX_VIEWS:
        refuse("name", _("You already have %(most)d views. Delete one first.") % {"most": MAX_VIEWS})
    try:
        with transaction.atomic():
            view: SavedView = SavedView.objects.create(
                user=user, team=team, list_name=list_name, name=name, query=saved, columns=_checked(columns)
            )
    except IntegrityError:
        refuse("name", _("You already have a view with this name."))
    return view


@transaction.atomic
def delete_view(*, view: SavedView, actor: User) -> None:
    """Delete a saved view.

    Raises:
        NotAllowed: it is shared by a team that the actor does not administer.
    """
    if not _may_delete(view, actor):
        raise NotAllowed(_("Only administrators of the team can delete its views."))
    view.delete()


def _may_delete(view: SavedView, user: User) -> bool:
    return view.user_id == user.pk if view.team is None else user.access.may(Can.MANAGE_TEAM, view.team)


def _checked(columns: Sequence[str]) -> list[str]:
    return [str(name)[:40] for name in columns[:MAX_COLUMNS]]
