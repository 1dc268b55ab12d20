"""Tables of people's things."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.browsers import words_of
from accounts.models import ApiToken, Invitation, Membership, SignedInBrowser, User
from cpms.common.web import formatting as look
from cpms.common.web.tables import WIDE, MomentColumn, Table, two_lines


class ApiTokenTable(Table):
    name = tables.Column(verbose_name=gettext_lazy("Token"))
    scopes = tables.Column(verbose_name=gettext_lazy("Permissions"), empty_values=(), attrs=WIDE)
    created = MomentColumn(verbose_name=gettext_lazy("Created"), attrs=WIDE)
    last_used_at = MomentColumn(
        verbose_name=gettext_lazy("Last used"), never=gettext_lazy("It has not been used yet."), attrs=WIDE
    )
    expiry_date = tables.Column(verbose_name=gettext_lazy("Expires"), empty_values=(), attrs=WIDE)
    action = tables.Column(verbose_name="", empty_values=(), attrs={"td": {"class": "num rhs do"}})

    class Meta(Table.Meta):
        order_by = ()

    def render_name(self, record: ApiToken) -> SafeString:
        """On a phone with what the columns say that it has no room for."""
        shown = two_lines(record.name, format_html('<span class="mono nowrap">{}…</span>', record.prefix))
        scopes = self.render_scopes(record.scopes)
        if record.expiry_date is None:
            return format_html('{}<span class="s phone">{}</span>', shown, scopes)
        return format_html('{}<span class="s phone">{} · {}</span>', shown, scopes, self._ends(record))

    def _ends(self, record: ApiToken) -> SafeString:
        sentence = _("ended {time}") if record.has_expired else _("ends {time}")
        return format_html(sentence, time=look.moment(record.expiry_date))

    def render_scopes(self, value: list[str]) -> SafeString | str:
        return format_html_join(" ", "<code>{}</code>", ([scope] for scope in value)) or _("All that you may")

    def render_expiry_date(self, record: ApiToken) -> SafeString:
        ends = look.moment(record.expiry_date, never=_("No end date."))
        return format_html(_("ended {time}"), time=ends) if record.has_expired else ends

    def render_action(self, record: ApiToken) -> SafeString:
        if record.revoked:
            return look.status("neutral", _("Revoked"))
        if record.has_expired:
            return look.status("neutral", _("Expired"))
        return format_html(
            '<button type="button" class="btn btn-sm quiet-danger" hx-get="{}" hx-target="#ask">{}</button>',
            reverse("accounts:api_token_revoke", args=[record.prefix]),
            _("Revoke token"),
        )


class TeammateTable(Table):
    """Who is in a team; what one may do with each is in the row."""

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
        notes += [] if person.is_active else [_("may not sign in")]
        return two_lines(name, " · ".join(notes))

    def render_role(self, record: Membership) -> str:
        return str(record.get_role_display())

    def render_action(self, record: Membership) -> SafeString:
        buttons = []
        if self.may_manage:
            buttons.append(_button("accounts:teammate_role", record.pk, _("Change role"), record.user))
        if record.user == self.actor:
            buttons.append(_button("accounts:teammate_remove", record.pk, _("Leave team"), "", is_danger=True))
        elif self.may_manage:
            buttons.append(_button("accounts:teammate_remove", record.pk, _("Remove"), record.user, is_danger=True))
        return format_html(
            '<span class="btn-row end">{}</span>', format_html_join("", "{}", ([one] for one in buttons))
        )


def _button(name: str, pk: int, words: str, about: object, *, is_danger: bool = False) -> SafeString:
    return format_html(
        '<button type="button" class="btn btn-sm {}" hx-get="{}" hx-target="#ask"><span>{}</span>'
        '<span class="sr"> {}</span></button>',
        "quiet-danger" if is_danger else "",
        reverse(name, args=[pk]),
        words,
        about,
    )


class KeyTable(Table):
    """A person's passkeys."""

    name = tables.Column(verbose_name=gettext_lazy("Passkey"), empty_values=())
    last_used_at = MomentColumn(
        verbose_name=gettext_lazy("Last used"), never=gettext_lazy("It has not been used yet."), attrs=WIDE
    )
    action = tables.Column(verbose_name="", empty_values=(), attrs={"td": {"class": "num rhs do"}})

    class Meta(Table.Meta):
        order_by = ()

    def render_name(self, record: Any) -> SafeString:
        return two_lines(record.wrap().name, _("added %(time)s") % {"time": look.date_time(record.created_at)})

    def render_action(self, record: Any) -> SafeString:
        about = record.wrap().name
        return format_html(
            '<span class="btn-row end">{}{}</span>',
            _button("accounts:key_rename", record.pk, _("Rename"), about),
            _button("accounts:factor_remove", record.pk, _("Remove"), about, is_danger=True),
        )


class BrowserTable(Table):
    """Where a person is signed in."""

    agent = tables.Column(verbose_name=gettext_lazy("Browser"), empty_values=())
    created_at = MomentColumn(verbose_name=gettext_lazy("Signed in"), attrs=WIDE)
    last_seen_at = MomentColumn(verbose_name=gettext_lazy("Last seen"), attrs={"td": {"class": "rhs"}})
    action = tables.Column(verbose_name="", empty_values=(), attrs={"td": {"class": "num rhs do"}})

    class Meta(Table.Meta):
        order_by = ()

    def __init__(self, *args: Any, current: str | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.current = current

    def render_agent(self, record: SignedInBrowser) -> SafeString:
        name: str = words_of(record.agent)
        if record.session_key == self.current:
            name = format_html('{} <span class="ms-2">{}</span>', name, look.tick(True, _("this browser")))
        return two_lines(name, record.address or _("address not known"))

    def render_action(self, record: SignedInBrowser) -> SafeString | str:
        if record.session_key == self.current:
            return ""
        about = words_of(record.agent)
        return _button("accounts:browser_sign_out", record.pk, _("Sign out"), about, is_danger=True)


class InvitationTable(Table):
    email = tables.Column(verbose_name=gettext_lazy("Invited"))
    role = tables.Column(verbose_name=gettext_lazy("Role"))
    expires_at = MomentColumn(verbose_name=gettext_lazy("Valid until"), attrs=WIDE)
    action = tables.TemplateColumn(
        verbose_name="", template_name="accounts/parts/invitation_actions.html", attrs={"td": {"class": "num rhs do"}}
    )

    class Meta(Table.Meta):
        order_by = ()

    def render_email(self, record: Invitation) -> SafeString:
        return two_lines(record.email, _("by %(name)s") % {"name": record.invited_by} if record.invited_by else "")

    def render_role(self, record: Invitation) -> str:
        return str(record.get_role_display())

    def render_expires_at(self, record: Invitation) -> SafeString:
        if record.has_expired:
            return look.status("neutral", _("Expired"))
        return look.moment(record.expires_at)
