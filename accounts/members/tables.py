"""Tables of members and invitations."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.members.models import Invitation
from accounts.people.models import Membership, User
from accounts.sign_in.tables import row_button
from cpms.common.web import formatting
from cpms.common.web.tables import WIDE, MomentColumn, Table, two_lines


class TeammateTable(Table):
    """The members of a team, with the actions that the user may take on each."""

    user = tables.Column(verbose_name=gettext_lazy("Person"))
    role = tables.Column(verbose_name=gettext_lazy("Role"))
    created_at = MomentColumn(verbose_name=gettext_lazy("Since"), attrs=WIDE)
    action = tables.Column(verbose_name="", empty_values=(), attrs={"td": {"class": "num rhs do"}})

    class Meta(Table.Meta):
        order_by = ()

    def __init__(self, *args: Any, actor: User, may_manage: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.actor, self.may_manage = actor, may_manage

    def render_user(self, record: Membership) -> SafeString:
        person = record.user
        name = format_html("{} ({})", person, _("you")) if person == self.actor else str(person)
        notes = [] if person.get_full_name() == person.email else [person.email]
        notes += [] if person.is_active else [_("deactivated")]
        return two_lines(name, " · ".join(notes))

    def render_role(self, record: Membership) -> str:
        return str(record.get_role_display())

    def render_action(self, record: Membership) -> SafeString:
        buttons = []
        if self.may_manage:
            buttons.append(row_button("accounts:teammate_role", record.pk, _("Change role"), record.user))
        if record.user == self.actor:
            buttons.append(row_button("accounts:teammate_remove", record.pk, _("Leave team"), "", is_danger=True))
        elif self.may_manage:
            buttons.append(row_button("accounts:teammate_remove", record.pk, _("Remove"), record.user, is_danger=True))
        return format_html(
            '<span class="btn-row end">{}</span>', format_html_join("", "{}", ([one] for one in buttons))
        )


class InvitationTable(Table):
    email = tables.Column(verbose_name=gettext_lazy("Invited"))
    role = tables.Column(verbose_name=gettext_lazy("Role"))
    expires_at = MomentColumn(verbose_name=gettext_lazy("Valid until"), attrs=WIDE)
    action = tables.TemplateColumn(
        verbose_name="",
        template_name="accounts/members/parts/invitation_actions.html",
        attrs={"td": {"class": "num rhs do"}},
    )

    class Meta(Table.Meta):
        order_by = ()

    def render_email(self, record: Invitation) -> SafeString:
        return two_lines(record.email, _("by %(name)s") % {"name": record.invited_by} if record.invited_by else "")

    def render_role(self, record: Invitation) -> str:
        return str(record.get_role_display())

    def render_expires_at(self, record: Invitation) -> SafeString:
        if record.has_expired:
            return formatting.status("neutral", _("Expired"))
        return formatting.moment(record.expires_at)
