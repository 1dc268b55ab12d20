"""E-mails about accounts. Rows are stored first; the content is written when an e-mail is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from celery import current_app
from django.conf import settings
from django.core import signing
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from accounts.access.models import Grant
from accounts.branding.services.branding import sender_for_team
from accounts.mails.models import AccountMail
from accounts.mails.services.grant_mail import grant_mail_content
from accounts.people.models import ApiToken, User
from cpms.common.messaging.mail import MailContent, Sender, message_id_of, public_url, send_due, zone_of
from cpms.common.web import formatting

if TYPE_CHECKING:
    from accounts.members.models import Invitation
    from accounts.profile.models import AddressChange
    from accounts.programs.models import ProgramKey

ADDRESS_SALT = "accounts.address"
ADDRESS_SECONDS = 24 * 60 * 60
UNDO_SALT = "accounts.address.undo"
UNDO_VALID = timedelta(days=7)
RETENTION = timedelta(days=30)


def queue_mail(
    kind: AccountMail.Kind,
    *,
    email: str,
    user: User | None = None,
    invitation: Invitation | None = None,
    key: ProgramKey | None = None,
    grant: Grant | None = None,
    team_id: int | None = None,
    about: str = "",
    language: str = "",
) -> None:
    """Queue an e-mail, which is sent after the commit. A periodic task sends what was missed.

    Args:
        team_id: the team whose branding the e-mail has; None for ours. Only invitations to the team and e-mails about
            its grants link to the team's own domain.
        about: further data of the e-mail, depending on its kind.
        language: used if the recipient has no account or no language; defaults to the active language.
    """
    language = language or translation.get_language() or ""
    fields = {"invitation": invitation, "key": key, "grant": grant, "team_id": team_id, "about": about}
    AccountMail.objects.create(kind=kind, email=email, user=user, language=language, **fields)
    schedule_sending()


def schedule_sending() -> None:
    """Start the task that sends e-mails, after the commit."""
    transaction.on_commit(partial(current_app.send_task, "accounts.send_mails"), robust=True)


def send_mails() -> int:
    """Send all e-mails that are due. Return how many were sent."""
    relations = ("user", "team", "invitation__team", "invitation__invited_by", "key__program__team")
    grant_relations = ("grant__installation", "grant__station", "grant__to_team", "grant__team")
    rows = AccountMail.objects.select_related(*relations, *grant_relations)
    return send_due(rows.defer("grant__station__password", "grant__station__next_password"), _message)


def retry_mails(rows: QuerySet[AccountMail]) -> int:
    """Send e-mails again whose retries were used up. Return how many there were."""
    count = rows.filter(sent_at__isnull=True).update(attempts=0, next_at=timezone.now())
    schedule_sending()
    return count


def delete_old_mails() -> None:
    AccountMail.objects.filter(created_at__lt=timezone.now() - RETENTION).delete()


def _message(mail: AccountMail) -> EmailMessage | None:
    person = mail.user or User.objects.filter(email__iexact=mail.email, is_active=True).first()
    language = (person.language if person else "") or mail.language or settings.LANGUAGE_CODE
    with translation.override(language):
        sender = sender_for_team(mail.team_id)
        if not _may_link_to_team_domain(mail, person):
            sender = replace(sender, site="")
        content = WRITERS[mail.kind](mail, person, sender)
        return content.message(message_id_of("account", mail), sender) if content else None


def _may_link_to_team_domain(mail: AccountMail, person: User | None) -> bool:
    """Return whether links may point to the team's own domain, where the team can read every token in them.

    This is safe for invitations and grants, which concern this team only. Support staff sign in at our own address
    only.
    """
    about = mail.invitation if mail.kind == AccountMail.Kind.INVITE else mail.grant
    if about is None or (person is not None and person.is_staff):
        return False
    return about.team_id == mail.team_id


def _reply_note(sender: Sender) -> str:
    if sender.reply_to:
        return _("Replies to this e-mail go to %(email)s.") % {"email": sender.reply_to}
    return _("Please do not reply to this e-mail.")


def _reset(mail: AccountMail, person: User | None, sender: Sender) -> MailContent | None:
    """Write the e-mail with a link for a new password, which works once within 24 hours."""
    if person is None or not person.is_active:
        return None
    keys = {"uidb36": user_pk_to_url_str(person), "key": default_token_generator.make_token(person)}
    return MailContent(
        to=person.email,
        subject=_("Set a new password"),
        paragraphs=[
            _("Hello %(name)s,") % {"name": person},
            _("somebody requested a new password for your account at %(site)s. Set it here:") % {"site": sender.name},
        ],
        action=(
            _("Set a new password"),
            public_url(reverse("account_reset_password_from_key", kwargs=keys), sender.site),
        ),
        after=[
            _("The link is valid for 24 hours and works once."),
            _("If you did not request this, ignore this e-mail. Your password stays unchanged."),
            _reply_note(sender),
        ],
    )


def address_token(user: User, email: str) -> str:
    """Return the token of a confirmation link for `email`. It is void once the account has another address."""
    payload = {"user": user.pk, "email": email, "now": user.email, "seal": password_fingerprint(user)}
    return signing.dumps(payload, salt=ADDRESS_SALT)


def password_fingerprint(user: User) -> str:
    """Return a fingerprint of the password, so that a change of password voids earlier links."""
    return salted_hmac("accounts.address.seal", user.password, algorithm="sha256").hexdigest()[:16]


def _verify(mail: AccountMail, person: User | None, sender: Sender) -> MailContent | None:
    if mail.user is None or not mail.user.is_active:
        return None
    path = reverse("accounts:email_confirm", args=[address_token(mail.user, mail.email)])
    return MailContent(
        to=mail.email,
        subject=_("Confirm your e-mail address"),
        paragraphs=[
            _("Hello %(name)s,") % {"name": mail.user},
            _("please confirm that %(email)s is the address of your account at %(site)s:")
            % {"email": mail.email, "site": sender.name},
        ],
        action=(_("Confirm address"), public_url(path, sender.site)),
        after=[
            _("The link is valid for 24 hours."),
            _("If this was not you, ignore this e-mail."),
            _reply_note(sender),
        ],
    )


def undo_token(change: AddressChange) -> str:
    """Return the token of the undo link, which is sent to the old address."""
    return signing.dumps(change.pk, salt=UNDO_SALT)


def _changed(mail: AccountMail, person: User | None, sender: Sender) -> MailContent | None:
    """Notify the old address, so that the owner of a stolen account learns of the change and can undo it."""
    change = None if mail.user is None else mail.user.address_changes.filter(pk=int(mail.about or 0)).first()
    if mail.user is None or change is None or change.undone_at is not None:
        return None
    path = reverse("accounts:email_undo", args=[undo_token(change)])
    return MailContent(
        to=mail.email,
        subject=_("Your e-mail address was changed"),
        paragraphs=[
            _("Hello %(name)s,") % {"name": mail.user},
            _("the e-mail address of your account at %(site)s was changed. You can no longer sign in with %(email)s.")
            % {"email": mail.email, "site": sender.name},
            _("If this was not you, undo the change here and tell an administrator of your team immediately:"),
        ],
        action=(_("Undo the change"), public_url(path, sender.site)),
        after=[
            _("The link is valid for 7 days and works once."),
            _("It restores this address, signs you out everywhere and asks for a new password."),
            _reply_note(sender),
        ],
    )


def invitation_token(invitation: Invitation) -> str:
    """Return the token of an invitation link. It cannot be derived from the database without the secret key."""
    return salted_hmac("accounts.invitation", f"{invitation.pk} {invitation.nonce}", algorithm="sha256").hexdigest()


def hash_token(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _invite(mail: AccountMail, person: User | None, sender: Sender) -> MailContent | None:
    invitation = mail.invitation
    if invitation is None or invitation.accepted_at or invitation.revoked_at or invitation.has_expired:
        return None
    name = invitation.invited_by or _("An administrator")
    values = {"team": invitation.team.name, "name": name, "site": sender.name}
    if invitation.is_to_charge:
        text = _("%(name)s invites you to charge at stations of “%(team)s”. See your sessions at %(site)s.")
    else:
        text = _("%(name)s invites you to the team “%(team)s”, which operates its charging stations at %(site)s.")
    forms = (person.date_format, person.number_format) if person else ("", "")
    with timezone.override(zone_of(person.time_zone if person else "")), formatting.use_formats(*forms):
        until = formatting.date_time(invitation.expires_at)
    return MailContent(
        to=mail.email,
        subject=_("Invitation to %(team)s") % values,
        paragraphs=[
            _("Hello,"),
            text % values,
            _("Your role will be: %(role)s.") % {"role": invitation.get_role_display()},
        ],
        action=(
            _("Open the invitation"),
            public_url(reverse("accounts:invitation", args=[invitation_token(invitation)]), sender.site),
        ),
        after=[
            _("The invitation is valid until %(until)s and only for %(email)s.")
            % {"until": until, "email": mail.email},
            _("If you do not know this team, ignore this e-mail."),
            _reply_note(sender),
        ],
    )


def _expiry(mail: AccountMail, person: User | None, sender: Sender) -> MailContent | None:
    """Warn that a key expires soon, unless it was replaced or revoked meanwhile."""
    key = mail.key
    if key is None or mail.user is None or key.expires_at is None or not key.is_valid:
        return None
    values = {"name": key.program.name, "team": key.program.team.name, "prefix": key.prefix}
    forms = formatting.use_formats(mail.user.date_format, mail.user.number_format)
    with timezone.override(zone_of(mail.user.time_zone)), forms:
        until = formatting.date_time(key.expires_at)
    return MailContent(
        to=mail.email,
        subject=_("The key of “%(name)s” expires soon") % values,
        paragraphs=[
            _("Hello %(name)s,") % {"name": mail.user},
            _("the key %(prefix)s… of the application “%(name)s” in your team “%(team)s” expires on %(until)s.")
            % (values | {"until": until}),
            _("Create a new key in time. The old one can keep working for some hours."),
        ],
        action=(_("Create a new key"), public_url(reverse("team:program_rotate", args=[key.program_id]), sender.site)),
        after=[_reply_note(sender)],
    )


def _domain(mail: AccountMail, person: User | None, sender: Sender) -> MailContent | None:
    """Notify an administrator of the team that its domain was switched off."""
    if mail.user is None or not mail.user.is_active or mail.team is None:
        return None
    values = {"domain": mail.about, "team": mail.team.name}
    return MailContent(
        to=mail.email,
        subject=_("%(domain)s was switched off") % values,
        paragraphs=[
            _("Hello %(name)s,") % {"name": mail.user},
            _("the DNS record that proves that %(domain)s belongs to your team %(team)s was not found.") % values,
            _("The portal no longer answers at this address. Its other address works as before."),
        ],
        action=(_("Open the domain settings"), public_url(reverse("team:branding_hosts"), sender.site)),
        after=[_("Add the record again and check it there to switch the domain back on."), _reply_note(sender)],
    )


Writer = Callable[[AccountMail, User | None, Sender], MailContent | None]


def _security(subject: str, text: str) -> Writer:
    """Return a writer of e-mails that notify the user of a change to how they sign in.

    Args:
        subject, text: untranslated message ids.
    """

    def write(mail: AccountMail, person: User | None, sender: Sender) -> MailContent | None:
        if mail.user is None:
            return None
        forms = formatting.use_formats(mail.user.date_format, mail.user.number_format)
        with timezone.override(zone_of(mail.user.time_zone)), forms:
            at = formatting.full_time(mail.created_at)
        return MailContent(
            to=mail.email,
            subject=_(subject),
            paragraphs=[
                _("Hello %(name)s,") % {"name": mail.user},
                _(text) % {"site": sender.name},
                _("Time: %(time)s") % {"time": at},
                _("If this was not you, set a new password immediately and tell an administrator of your team."),
            ],
            action=(_("Open your account"), public_url(reverse("accounts:security"), sender.site)),
            after=[_reply_note(sender)],
        )

    return write


def _password(mail: AccountMail, person: User | None, sender: Sender) -> MailContent | None:
    """Notify of a new password, with what was ended and what still works."""
    text = gettext_noop("the password of your account at %(site)s was changed. You were signed out on other devices.")
    content = _security(gettext_noop("Your password was changed"), text)(mail, person, sender)
    if content is None or mail.user is None:
        return content
    hello, changed, *others = content.paragraphs
    return replace(content, paragraphs=[hello, changed, *_ended_and_remaining(mail, mail.user), *others])


def _ended_and_remaining(mail: AccountMail, user: User) -> list[str]:
    signed_out, revoked = (int(count) for count in (mail.about or "0 0").split())
    remaining = ApiToken.objects.filter(user=user, revoked=False, created__lte=mail.created_at).count()
    programs = user.created_programs.filter(revoked_at__isnull=True).count()
    sentences = [
        (signed_out, ngettext("%(n)d browser was signed out.", "%(n)d browsers were signed out.", signed_out)),
        (revoked, ngettext("%(n)d API token was revoked.", "%(n)d API tokens were revoked.", revoked)),
        (
            remaining,
            ngettext("%(n)d API token of yours still works.", "%(n)d API tokens of yours still work.", remaining),
        ),
        (
            programs,
            ngettext(
                "%(n)d application that you added to a team still works.",
                "%(n)d applications that you added to a team still work.",
                programs,
            ),
        ),
    ]
    shown = [sentence % {"n": count} for count, sentence in sentences if count]
    return [" ".join(shown)] if shown else []


def _guessing(subject: str, text: str, effect: str) -> Writer:
    """Return a writer of alarms for support staff. `about` of the e-mail holds the count, and the network or account.

    Args:
        subject, text, effect: untranslated message ids.
    """

    def write(mail: AccountMail, person: User | None, sender: Sender) -> MailContent | None:
        if mail.user is None or not mail.user.is_active or not mail.user.is_staff:
            return None
        count, _blank, about = mail.about.partition(" ")
        forms = formatting.use_formats(mail.user.date_format, mail.user.number_format)
        with timezone.override(zone_of(mail.user.time_zone)), forms:
            at = formatting.full_time(mail.created_at)
        return MailContent(
            to=mail.email,
            subject=_(subject),
            paragraphs=[
                _("Hello %(name)s,") % {"name": mail.user},
                _(text) % {"about": about, "count": count},
                _(effect),
                _("Time: %(time)s") % {"time": at},
                _("You get an e-mail of this kind at most once an hour."),
            ],
            action=(_("Open the audit log"), public_url(reverse("team:audit"), sender.site)),
            after=[_reply_note(sender)],
        )

    return write


WRITERS: dict[str, Writer] = {
    AccountMail.Kind.RESET: _reset,
    AccountMail.Kind.VERIFY: _verify,
    AccountMail.Kind.CHANGED: _changed,
    AccountMail.Kind.INVITE: _invite,
    AccountMail.Kind.DOMAIN: _domain,
    AccountMail.Kind.PASSWORD: _password,
    AccountMail.Kind.APP_ON: _security(
        gettext_noop("An authenticator app was added"),
        gettext_noop("an authenticator app was added to your account at %(site)s. You need its code to sign in."),
    ),
    AccountMail.Kind.APP_OFF: _security(
        gettext_noop("The authenticator app was removed"),
        gettext_noop("the authenticator app was removed from your account at %(site)s."),
    ),
    AccountMail.Kind.KEY_ON: _security(
        gettext_noop("A passkey was added"),
        gettext_noop("a passkey was added to your account at %(site)s. It can be used to sign in without a password."),
    ),
    AccountMail.Kind.KEY_OFF: _security(
        gettext_noop("A passkey was removed"), gettext_noop("a passkey was removed from your account at %(site)s.")
    ),
    AccountMail.Kind.CODES: _security(
        gettext_noop("New recovery codes were created"),
        gettext_noop("new recovery codes were created for your account at %(site)s. The old ones no longer work."),
    ),
    AccountMail.Kind.RESET_2FA: _security(
        gettext_noop("Your two-factor authentication was reset"),
        gettext_noop(
            "our support reset two-factor authentication for your account at %(site)s. You were signed out everywhere."
        ),
    ),
    AccountMail.Kind.EXPIRY: _expiry,
    AccountMail.Kind.GRANT: grant_mail_content,
    AccountMail.Kind.WRONG_CODES: _security(
        gettext_noop("Five wrong codes for your account"),
        gettext_noop(
            "five wrong two-factor codes were entered for your account at %(site)s. Whoever entered them probably "
            "knows your password."
        ),
    ),
    AccountMail.Kind.ENROL_CODE: _security(
        gettext_noop("An enrolment code was issued for your account"),
        gettext_noop(
            "an enrolment code was issued for your account at %(site)s. With it and your password, two-factor "
            "authentication can be set up."
        ),
    ),
    AccountMail.Kind.MANY_ACCOUNTS: _guessing(
        gettext_noop("Passwords are being tried at many accounts"),
        gettext_noop("%(count)s different accounts had failed sign-ins from %(about)s within an hour."),
        gettext_noop("Unknown browsers in that network are blocked until the hour is over."),
    ),
    AccountMail.Kind.MANY_ATTEMPTS: _guessing(
        gettext_noop("Many passwords are being tried at one account"),
        gettext_noop("%(count)s sign-ins to the account %(about)s failed within an hour."),
        gettext_noop("Browsers that signed in to it before are not affected; others are slowed down."),
    ),
}
