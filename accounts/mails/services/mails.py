"""Mails about accounts: a new password, an address to be verified, an invitation. Rows first, letters when sent."""

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
from accounts.branding.services.looks import sender_of
from accounts.mails.models import AccountMail
from accounts.mails.services.grant_letter import grant_letter
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
OLD = timedelta(days=30)


def write_mail(
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
    """Sent after commit; a sweep every minute finds what this misses.

    Args:
        team_id: in whose look it is; None: ours. Only invitations to this team and access to its
            stations lead to the team's own domain.
    """
    language = language or translation.get_language() or ""
    facts = {"invitation": invitation, "key": key, "grant": grant, "team_id": team_id, "about": about}
    AccountMail.objects.create(kind=kind, email=email, user=user, language=language, **facts)
    wake_mails()


def wake_mails() -> None:
    transaction.on_commit(partial(current_app.send_task, "accounts.send_mails"), robust=True)


def send_mails() -> int:
    """Send what is not sent. Returns how many were sent."""
    about = ("user", "team", "invitation__team", "invitation__invited_by", "key__program__team")
    of_grant = ("grant__installation", "grant__station", "grant__to_team", "grant__team")
    rows = AccountMail.objects.select_related(*about, *of_grant)
    return send_due(rows.defer("grant__station__password", "grant__station__next_password"), _message)


def retry_mails(rows: QuerySet[AccountMail]) -> int:
    """Try mails again that were given up. Returns how many there were."""
    count = rows.filter(sent_at__isnull=True).update(attempts=0, next_at=timezone.now())
    wake_mails()
    return count


def forget_old_mails() -> None:
    AccountMail.objects.filter(created_at__lt=timezone.now() - OLD).delete()


def _message(mail: AccountMail) -> EmailMessage | None:
    person = mail.user or User.objects.filter(email__iexact=mail.email, is_active=True).first()
    language = (person.language if person else "") or mail.language or settings.LANGUAGE_CODE
    with translation.override(language):
        sender = sender_of(mail.team_id)
        if not _leads_to_own_domain(mail, person):
            sender = replace(sender, site="")
        letter = LETTERS[mail.kind](mail, person, sender)
        return letter.message(message_id_of("account", mail), sender) if letter else None


def _leads_to_own_domain(mail: AccountMail, person: User | None) -> bool:
    """Whether a link may lead to the team's own domain: the team decides who answers there, and reads each key.

    An invitation opens that team and nothing else, and so does the page of access that was given. Support staff signs
    in at our own address only.
    """
    about = mail.invitation if mail.kind == AccountMail.Kind.INVITE else mail.grant
    if about is None or (person is not None and person.is_staff):
        return False
    return about.team_id == mail.team_id


def _no_answer(sender: Sender) -> str:
    if sender.reply_to:
        return _("Answers to this mail go to %(email)s.") % {"email": sender.reply_to}
    return _("Answers to this mail are not read.")


def _reset(mail: AccountMail, person: User | None, sender: Sender) -> MailContent | None:
    """Valid for 24 hours and for one change."""
    if person is None or not person.is_active:
        return None
    keys = {"uidb36": user_pk_to_url_str(person), "key": default_token_generator.make_token(person)}
    return MailContent(
        to=person.email,
        subject=_("Set a new password"),
        paragraphs=[
            _("Hello %(name)s,") % {"name": person},
            _("somebody asked for a new password for your account at %(site)s. Set it here:") % {"site": sender.name},
        ],
        action=(
            _("Set a new password"),
            public_url(reverse("account_reset_password_from_key", kwargs=keys), sender.site),
        ),
        after=[
            _("The link is valid for 24 hours and works once."),
            _("If you did not ask for this, do nothing: your password stays as it is."),
            _no_answer(sender),
        ],
    )


def address_token(user: User, email: str) -> str:
    """What proves that somebody reads mails to `email`; void as soon as the account's address is another one."""
    told = {"user": user.pk, "email": email, "now": user.email, "seal": seal_of(user)}
    return signing.dumps(told, salt=ADDRESS_SALT)


def seal_of(user: User) -> str:
    """Another password makes another one: then links that were asked for before are void."""
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
        after=[_("The link is valid for 24 hours."), _("If this was not you, do nothing."), _no_answer(sender)],
    )


def undo_token(change: AddressChange) -> str:
    """What proves that somebody reads the mails to the old address."""
    return signing.dumps(change.pk, salt=UNDO_SALT)


def _changed(mail: AccountMail, person: User | None, sender: Sender) -> MailContent | None:
    """To the old address, so that who loses his account by this learns of it, and can undo it."""
    change = None if mail.user is None else mail.user.address_changes.filter(pk=int(mail.about or 0)).first()
    if mail.user is None or change is None or change.undone_at is not None:
        return None
    path = reverse("accounts:email_undo", args=[undo_token(change)])
    return MailContent(
        to=mail.email,
        subject=_("Your e-mail address was changed"),
        paragraphs=[
            _("Hello %(name)s,") % {"name": mail.user},
            _("from now on you sign in to %(site)s with another address than %(email)s.")
            % {"email": mail.email, "site": sender.name},
            _("If this was not you, undo it here and tell an administrator of your team at once:"),
        ],
        action=(_("Undo the change"), public_url(path, sender.site)),
        after=[
            _("The link is valid for 7 days and works once."),
            _("It restores this address, signs you out everywhere and asks for a new password."),
            _no_answer(sender),
        ],
    )


def invitation_token(invitation: Invitation) -> str:
    """Made of the row's nonce and our secret key: who reads the database cannot make it."""
    return salted_hmac("accounts.invitation", f"{invitation.pk} {invitation.nonce}", algorithm="sha256").hexdigest()


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _invite(mail: AccountMail, person: User | None, sender: Sender) -> MailContent | None:
    invitation = mail.invitation
    if invitation is None or invitation.accepted_at or invitation.revoked_at or invitation.has_expired:
        return None
    name = invitation.invited_by or _("An administrator")
    who = {"team": invitation.team.name, "name": name, "site": sender.name}
    if invitation.is_to_charge:
        what = _("%(name)s invites you to charge at stations of “%(team)s”. See your sessions at %(site)s.")
    else:
        what = _("%(name)s invites you to the team “%(team)s” at %(site)s, where it runs its charging stations.")
    forms = (person.date_format, person.number_format) if person else ("", "")
    with timezone.override(zone_of(person.time_zone if person else "")), formatting.use_formats(*forms):
        until = formatting.date_time(invitation.expires_at)
    return MailContent(
        to=mail.email,
        subject=_("Invitation to %(team)s") % who,
        paragraphs=[
            _("Hello,"),
            what % who,
            _("Your role will be: %(role)s.") % {"role": invitation.get_role_display()},
        ],
        action=(
            _("Open the invitation"),
            public_url(reverse("accounts:invitation", args=[invitation_token(invitation)]), sender.site),
        ),
        after=[
            _("The invitation is valid until %(until)s and only for %(email)s.")
            % {"until": until, "email": mail.email},
            _("If you do not know the team, do nothing."),
            _no_answer(sender),
        ],
    )


def _expiry(mail: AccountMail, person: User | None, sender: Sender) -> MailContent | None:
    """Nothing any more when it was replaced or revoked meanwhile."""
    key = mail.key
    if key is None or mail.user is None or key.expires_at is None or not key.is_valid:
        return None
    who = {"name": key.program.name, "team": key.program.team.name, "prefix": key.prefix}
    forms = formatting.use_formats(mail.user.date_format, mail.user.number_format)
    with timezone.override(zone_of(mail.user.time_zone)), forms:
        until = formatting.date_time(key.expires_at)
    return MailContent(
        to=mail.email,
        subject=_("The key of “%(name)s” ends soon") % who,
        paragraphs=[
            _("Hello %(name)s,") % {"name": mail.user},
            _("the key %(prefix)s… with which the program “%(name)s” acts for the team “%(team)s” ends on %(until)s.")
            % (who | {"until": until}),
            _("Make a new key in time; the old one can go on for some hours meanwhile."),
        ],
        action=(_("Make a new key"), public_url(reverse("team:program_rotate", args=[key.program_id]), sender.site)),
        after=[_no_answer(sender)],
    )


def _domain(mail: AccountMail, person: User | None, sender: Sender) -> MailContent | None:
    """Tell each administrator of the team."""
    if mail.user is None or not mail.user.is_active or mail.team is None:
        return None
    told = {"domain": mail.about, "team": mail.team.name}
    return MailContent(
        to=mail.email,
        subject=_("%(domain)s was switched off") % told,
        paragraphs=[
            _("Hello %(name)s,") % {"name": mail.user},
            _("the record that proves that %(domain)s belongs to your team %(team)s is not in the DNS any more.")
            % told,
            _("The portal is not answered there any longer. Its other address works as before."),
        ],
        action=(_("Look at the domain"), public_url(reverse("team:branding_hosts"), sender.site)),
        after=[_("Add the record again and check it there to switch the domain on."), _no_answer(sender)],
    )


Writer = Callable[[AccountMail, User | None, Sender], MailContent | None]


def _security(subject: str, what: str) -> Writer:
    """A letter that only says what was changed about signing in, so that who did not do it learns of it."""

    def letter(mail: AccountMail, person: User | None, sender: Sender) -> MailContent | None:
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
                _(what) % {"site": sender.name},
                _("Time: %(time)s") % {"time": at},
                _("If this was not you, set a new password at once and tell an administrator of your team."),
            ],
            action=(_("Look at your account"), public_url(reverse("accounts:security"), sender.site)),
            after=[_no_answer(sender)],
        )

    return letter


def _password(mail: AccountMail, person: User | None, sender: Sender) -> MailContent | None:
    """Says also what ended with the old password, and what goes on."""
    what = gettext_noop("the password of your account at %(site)s was changed. Everywhere else you were signed out.")
    letter = _security(gettext_noop("Your password was changed"), what)(mail, person, sender)
    if letter is None or mail.user is None:
        return letter
    hello, changed, *others = letter.paragraphs
    return replace(letter, paragraphs=[hello, changed, *_what_ended(mail, mail.user), *others])


def _what_ended(mail: AccountMail, user: User) -> list[str]:
    signed_out, revoked = (int(word) for word in (mail.about or "0 0").split())
    kept = ApiToken.objects.filter(user=user, revoked=False, created__lte=mail.created_at).count()
    programs = user.created_programs.filter(revoked_at__isnull=True).count()
    sentences = [
        (signed_out, ngettext("%(n)d browser was signed out.", "%(n)d browsers were signed out.", signed_out)),
        (revoked, ngettext("%(n)d API token was revoked.", "%(n)d API tokens were revoked.", revoked)),
        (kept, ngettext("%(n)d API token of yours still works.", "%(n)d API tokens of yours still work.", kept)),
        (
            programs,
            ngettext(
                "%(n)d program that you added to a team keeps its key.",
                "%(n)d programs that you added to a team keep their keys.",
                programs,
            ),
        ),
    ]
    told = [sentence % {"n": count} for count, sentence in sentences if count]
    return [" ".join(told)] if told else []


def _guessing(subject: str, what: str, then: str) -> Writer:
    """A letter to support staff; `about` holds the count, and the source or the account."""

    def letter(mail: AccountMail, person: User | None, sender: Sender) -> MailContent | None:
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
                _(what) % {"about": about, "count": count},
                _(then),
                _("Time: %(time)s") % {"time": at},
                _("The next mail of this kind comes in an hour at the earliest."),
            ],
            action=(_("Open the audit trail"), public_url(reverse("team:audit"), sender.site)),
            after=[_no_answer(sender)],
        )

    return letter


LETTERS: dict[str, Writer] = {
    AccountMail.Kind.RESET: _reset,
    AccountMail.Kind.VERIFY: _verify,
    AccountMail.Kind.CHANGED: _changed,
    AccountMail.Kind.INVITE: _invite,
    AccountMail.Kind.DOMAIN: _domain,
    AccountMail.Kind.PASSWORD: _password,
    AccountMail.Kind.APP_ON: _security(
        gettext_noop("An authenticator app was added"),
        gettext_noop("an authenticator app was added to your account at %(site)s. Signing in asks for its code now."),
    ),
    AccountMail.Kind.APP_OFF: _security(
        gettext_noop("The authenticator app was removed"),
        gettext_noop("the authenticator app was removed from your account at %(site)s."),
    ),
    AccountMail.Kind.KEY_ON: _security(
        gettext_noop("A passkey was added"),
        gettext_noop("a passkey was added to your account at %(site)s. With it one can sign in without a password."),
    ),
    AccountMail.Kind.KEY_OFF: _security(
        gettext_noop("A passkey was removed"), gettext_noop("a passkey was removed from your account at %(site)s.")
    ),
    AccountMail.Kind.CODES: _security(
        gettext_noop("New recovery codes were made"),
        gettext_noop("new recovery codes were made for your account at %(site)s. The old ones do not count any more."),
    ),
    AccountMail.Kind.RESET_2FA: _security(
        gettext_noop("Your second factor was reset"),
        gettext_noop("our support reset the second factor of your account at %(site)s. You are signed out everywhere."),
    ),
    AccountMail.Kind.EXPIRY: _expiry,
    AccountMail.Kind.GRANT: grant_letter,
    AccountMail.Kind.WRONG_CODES: _security(
        gettext_noop("Five wrong codes for your account"),
        gettext_noop(
            "five wrong codes of a second factor were entered for your account at %(site)s. Whoever entered them "
            "probably knows your password."
        ),
    ),
    AccountMail.Kind.ENROL_CODE: _security(
        gettext_noop("An enrolment code was issued for your account"),
        gettext_noop(
            "an enrolment code was issued for your account at %(site)s. With it and your password, a second factor can "
            "be set up."
        ),
    ),
    AccountMail.Kind.MANY_ACCOUNTS: _guessing(
        gettext_noop("Somebody tries passwords at many accounts"),
        gettext_noop("from %(about)s sign-ins to %(count)s different accounts failed within an hour."),
        gettext_noop("Browsers that are not known there have to wait until the hour is over."),
    ),
    AccountMail.Kind.MANY_ATTEMPTS: _guessing(
        gettext_noop("Somebody tries many passwords at one account"),
        gettext_noop("%(count)s sign-ins to the account %(about)s failed within an hour."),
        gettext_noop("Browsers that signed in to it before are not affected; others are slowed down."),
    ),
}
