"""B24: who is erased is erased everywhere: audit log, mails, invitations, notes of other teams."""

import email.message
import json

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import DatabaseError, connection, models, transaction
from django.urls import reverse

from accounts.access.rights import Role
from accounts.audit.services import Action
from accounts.members.services import erasure, invitations, people
from accounts.models import AccountMail, AuditEntry, Invitation, User
from chargers.grants.services.grants import create_grant
from operations.commands.services.asking import request_command
from tests import factories

FIRST, LAST, PHONE, EMAIL = "Zéphyrine", "Quillfeather", "+49 170 55512345", "zephyrine@quillfeather.example"
TELLING = (FIRST, LAST, PHONE, "+4917055512345", EMAIL, "old-address@quillfeather.example")
TEXT = (models.CharField, models.TextField, models.JSONField)
# Emptied with the account, or gone with it.
EMPTIED = {
    "accounts.User": {"email", "phone", "password", "language", "time_zone", "theme", "date_format", "number_format"},
    "accounts.Membership": {"employee_number"},
    "accounts.SignedInBrowser": {"session_key", "session_hash", "agent"},
    "accounts.AuditEntry": set(erasure.AUDITED),
    "account.EmailAddress": {"email"},
    "mfa.Authenticator": {"type", "data"},
    "sessions.Session": {"session_key", "session_data"},
}
# Words of ours, random texts, keys, names of things that the outside world gives.
WITHOUT_NAMES = {
    "account.EmailConfirmation": {"key"},
    "accounts.AccessToken": {"hash", "scopes"},
    "accounts.AccountMail": {"kind", "language"},
    "accounts.ApiToken": {"id", "prefix", "hashed_key", "scopes"},
    "accounts.AuditEntry": {"object_pk", "cid"},
    "accounts.BillingDetails": {"postal_code", "city", "country", "vat_id"},
    "accounts.Brand": {"accent", "accent_dark", "imprint_url"},
    "accounts.BrandPicture": {"kind", "size", "key"},
    "accounts.FormerHandle": {"handle"},
    "accounts.FactorEnrolmentCode": {"code_hash"},
    "accounts.Grant": {"role", "given_by"},
    "accounts.Invitation": {"role", "language", "nonce", "token_hash"},
    "accounts.Membership": {"role"},
    "accounts.Program": {"way", "client_id", "scopes"},
    "accounts.ProgramKey": {"prefix", "hash"},
    "accounts.SavedView": {"list_name", "columns"},
    "accounts.Team": {"handle", "station_passwords", "features_off"},
    "accounts.TeamDomain": {"purpose", "domain", "token"},
    "admin.LogEntry": {"object_id"},
    "auth.Group": {"name"},
    "auth.Permission": {"name", "codename"},
    "chargers.Event": {"kind", "key"},
    "chargers.HardwareConnector": {"standard", "format", "power_type"},
    "chargers.HardwareModel": {"vendor", "name", "quirks", "data_sheet"},
    "chargers.Installation": {"postal_code", "city", "country", "category", "parking", "time_zone", "grid_type"},
    "chargers.Tag": {"value", "status", "kind", "parent", "scope", "time_windows"},
    "contenttypes.ContentType": {"app_label", "model"},
    "maintenance.Notification": {"kind", "key", "link"},
    "maintenance.NotificationChoice": {"kind"},
    "maintenance.UnnamedProxy": {"address"},
    "operations.Command": {
        "kind",
        "state",
        "message_id",
        "protocol",
        "action",
        "answer",
        "error_code",
        "error_description",
        "requested_with",
        "requested_scopes",
        "requested_key",
        "cancel_reason",
    },
    "portal.SiteHook": {"name", "purpose", "category", "script_url", "connects_to"},
    "portal.SiteText": {"kind", "language", "text"},  # what the platform publishes; its staff change it
    "rest_framework_api_key.APIKey": {"id", "prefix", "hashed_key", "name"},  # the package's own table, not used
}
# Whatever else these models have is what stations send.
OF_STATIONS = {
    "charging_sessions.ChargingSession",
    "charging_sessions.MeterReading",
    "chargers.ChargingStation",
    "chargers.Connector",
    "chargers.Evse",
    "chargers.GatewayNode",
    "chargers.Oddity",
    "chargers.RefusedTag",
    "maintenance.CertificateRequest",
    "maintenance.Deviation",
    "maintenance.InboxEntry",
    "maintenance.Message",
    "maintenance.ProgressReport",
    "maintenance.RefusedConnection",
    "maintenance.SecurityEvent",
    "maintenance.StationLink",
}


def text_columns(model):
    return [field for field in model._meta.concrete_fields if isinstance(field, TEXT)]


def dump():
    """Every text of every table, by column."""
    for model in apps.get_models():
        for field in text_columns(model):
            with connection.cursor() as cursor:
                quoted = connection.ops.quote_name
                cursor.execute(f"SELECT CAST({quoted(field.column)} AS text) FROM {quoted(model._meta.db_table)}")
                for (text,) in cursor.fetchall():
                    yield f"{model._meta.label}.{field.name}", text or ""


def hits():
    search_texts = {form.lower() for word in TELLING for form in (word, json.dumps(word)[1:-1])}
    return {place for place, text in dump() if any(needle in text.lower() for needle in search_texts)}


@pytest.fixture
def person(user_with):
    made = user_with(Role.OPERATOR)
    User.objects.filter(pk=made.pk).update(first_name=FIRST, last_name=LAST, phone=PHONE, email=EMAIL)
    made.refresh_from_db()
    return made


def write_everywhere(rows):
    """Where somebody could have written the name: in every swept column of a row of each model."""
    note = f"{FIRST} {LAST}, {EMAIL}"
    for label, columns in erasure.SWEPT.items():
        model = apps.get_model(label)
        row = rows.get(label)
        if row is None or label in ("accounts.Program", "accounts.User"):
            continue
        for column in columns:
            field = model._meta.get_field(column)
            value = {"text": [note]} if isinstance(field, models.JSONField) else note[: field.max_length or None]
            if column.endswith("phone"):
                value = PHONE
            if column == "email" or (field.max_length or 999) < len(note):
                value = EMAIL if (field.max_length or 999) >= len(EMAIL) else value
            model._base_manager.filter(pk=row.pk).update(**{column: value})


def live_a_life(person, administrator, station, tag, other_team, stranger):
    """With services and pages, in two teams."""
    tag.user, tag.label = person, f"{FIRST}'s card"
    tag.save()
    request_command(station=station, kind="reset", parameters={"type": "Soft"}, actor=person)
    foreign = factories.StationFactory(team=other_team)
    create_grant(place=foreign, role="user", email=person.email, actor=stranger)
    invitations.invite(team=other_team, actor=stranger, email=EMAIL, role="viewer", language="en")
    person.first_name = "Old"
    person.save()
    person.first_name, person.email = FIRST, "old-address@quillfeather.example"
    person.save()
    person.email = EMAIL
    person.save()
    Invitation.objects.update(invited_by=person)
    factories.AccountMailFactory(user=person, email=EMAIL)
    factories.AccountMailFactory(about=f"5 {EMAIL}", user=administrator, email=administrator.email)
    AuditEntry.objects.create(
        content_type=ContentType.objects.get_for_model(type(station)),
        object_pk=str(station.pk),
        object_repr=f"{LAST}, {FIRST}",
        action=Action.UPDATE,
        changes={"name": ["", f"of {FIRST} {LAST}"], "contact_phone": ["", PHONE]},
        additional_data={"who": EMAIL},
        serialized_data={"fields": {"user": f"{FIRST} {LAST}"}},
        changes_text=EMAIL,
        team=other_team,
    )
    kind = ContentType.objects.get_for_model(User).pk
    LogEntry.objects.create(user=administrator, content_type_id=kind, object_repr=f"{FIRST} {LAST}", action_flag=2)


@pytest.mark.parametrize("has_name", [True, False])
def test_nothing_in_the_database_says_who_an_erased_person_was(
    client, person, administrator, station, tag, other_team, stranger, one_of_each, has_name
):
    if not has_name:
        User.objects.filter(pk=person.pk).update(first_name="", last_name="")
        person.refresh_from_db()
    client.force_login(person)
    client.post(reverse("portal:user_edit", args=[person.pk]), {"first_name": FIRST, "last_name": LAST, "phone": PHONE})
    person.refresh_from_db()
    live_a_life(person, administrator, station, tag, other_team, stranger)
    write_everywhere(one_of_each)
    assert len(hits()) > 15
    assert people.erase_person(person=person, actor=person)
    assert hits() == set()
    assert str(User.objects.get(pk=person.pk)) == f"Former person {person.pk}"
    entry = AuditEntry.objects.filter(actor=person).first()
    assert entry.actor_email == f"former-{person.pk}@erased.invalid"
    client.force_login(administrator)
    assert f"Former person {person.pk}" in client.get(reverse("team:audit")).content.decode()


def test_every_text_column_is_swept_emptied_or_holds_no_names(db):
    """A new column must be put into one of these lists."""
    undecided = []
    for model in apps.get_models():
        label = model._meta.label
        if label.startswith("tests."):
            continue
        decided = {*erasure.SWEPT.get(label, ()), *EMPTIED.get(label, ()), *WITHOUT_NAMES.get(label, ())}
        names = {field.name for field in text_columns(model)}
        if label not in OF_STATIONS:
            undecided += [f"{label}.{name}" for name in sorted(names - decided)]
    assert undecided == []


def test_namesakes_and_longer_addresses_stay(person, administrator, other_team):
    namesake = factories.UserFactory(first_name=FIRST, last_name=LAST, email=f"x{EMAIL}")
    entry = factories.AuditEntryFactory(
        team=other_team, object_repr=f"{FIRST} {LAST}", changes={"email": ["", f"x{EMAIL}"]}
    )
    people.erase_person(person=person, actor=administrator)
    namesake.refresh_from_db(), entry.refresh_from_db()
    assert (str(namesake), namesake.email) == (f"{FIRST} {LAST}", f"x{EMAIL}")
    assert (entry.object_repr, entry.changes["email"]) == (f"{FIRST} {LAST}", ["", f"x{EMAIL}"])


def test_invitations_and_mails_that_wait_go_no_more(person, administrator, stranger, other_team, mailoutbox):
    from accounts.mails.services.mails import send_mails

    invitation = invitations.invite(team=other_team, actor=stranger, email=EMAIL, role="viewer", language="en")
    people.erase_person(person=person, actor=administrator)
    invitation.refresh_from_db()
    assert invitation.revoked_at and invitation.email == f"former-{person.pk}@erased.invalid"
    assert not AccountMail.objects.exists()
    send_mails()
    assert mailoutbox == []


def test_mails_kept_for_the_page_go_too(person, administrator, settings, tmp_path, django_capture_on_commit_callbacks):
    settings.MAILS_IN_PAGE, settings.MAILS_FOLDER = True, tmp_path
    for number, to in enumerate((EMAIL, administrator.email)):
        message = email.message.EmailMessage()
        message["To"] = to
        (tmp_path / f"{number}.eml").write_bytes(message.as_bytes())
    with django_capture_on_commit_callbacks(execute=True):
        people.erase_person(person=person, actor=administrator)
    assert [file.name for file in tmp_path.glob("*.eml")] == ["1.eml"]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="a trigger of PostgreSQL")
def test_erasing_changes_texts_of_the_trail_and_nothing_else(team):
    entry = factories.AuditEntryFactory(team=team)
    with pytest.raises(DatabaseError, match="cannot be changed or deleted"), transaction.atomic():
        AuditEntry.objects.filter(pk=entry.pk).pseudonymise(object_repr="x")
    for facts in ({"action": 2}, {"object_pk": "9"}, {"timestamp": "2001-01-01T00:00:00Z"}, {"remote_addr": "::1"}):
        with pytest.raises(DatabaseError, match="cannot be changed or deleted"), AuditEntry.objects.erasing():
            AuditEntry.objects.filter(pk=entry.pk).pseudonymise(**facts)
    with AuditEntry.objects.erasing():
        assert AuditEntry.objects.filter(pk=entry.pk).pseudonymise(object_repr="x") == 1
    with pytest.raises(DatabaseError, match="cannot be changed or deleted"), transaction.atomic():
        AuditEntry.objects.filter(pk=entry.pk).pseudonymise(object_repr="y")


def test_half_a_name_is_not_looked_for_in_the_words_of_others(person, administrator, station):
    User.objects.filter(pk=person.pk).update(first_name="Rose", last_name="")
    person.refresh_from_db()
    type(station).objects.filter(pk=station.pk).update(name=f"Rose garden, {EMAIL}")
    people.erase_person(person=person, actor=administrator)
    station.refresh_from_db()
    assert station.name == f"Rose garden, former-{person.pk}@erased.invalid"
