"""A user who may set station passwords may also read them, if the team stores them readably (T5, D2)."""

import pytest
from django.urls import reverse

from accounts.audit.services import Action
from accounts.models import AuditEntry, StationPasswords
from chargers.credentials.services import hash_passwords, set_password


def address(station) -> str:
    return reverse("chargers:station_password_show", args=[station.pk])


@pytest.mark.parametrize(
    ("password", "shown"),
    [
        ("a plain 16-letter", "a plain 16-letter"),
        (b"\xff\x00" * 8, "ff00" * 8),
        (b"line\nbreak-in-it!", b"line\nbreak-in-it!".hex()),
    ],
)
def test_it_is_shown_as_text_or_as_hex_and_never_cached(as_person, administrator, station, password, shown):
    """T5."""
    set_password(station=station, password=password)
    response = as_person(administrator).post(address(station))
    assert f'value="{shown}"' in response.content.decode()
    assert response["Cache-Control"] == "no-store"


def test_the_audit_log_records_who_viewed_it_without_the_password(as_person, administrator, station):
    set_password(station=station, password="a plain 16-letter")
    as_person(administrator).post(address(station))
    entry = AuditEntry.objects.get(action=Action.ACCESS)
    assert (entry.actor, entry.team, entry.object_id) == (administrator, station.team, station.pk)
    assert "plain" not in str(entry.changes)
    text = as_person(administrator).get(reverse("team:audit"), {"action": "3"}).content.decode()
    assert station.identity in text and "Viewed" in text


def test_a_hash_cannot_be_shown(as_person, administrator, station):
    set_password(station=station, password="a plain 16-letter")
    station.team.station_passwords = StationPasswords.SHOW_ONCE
    station.team.save()
    hash_passwords()
    page = as_person(administrator)
    assert "Show password" not in page.get(reverse("chargers:station_password", args=[station.pk])).content.decode()
    response = page.post(address(station), follow=True)
    assert "Only a hash of the password is kept" in response.content.decode()
    assert not AuditEntry.objects.filter(action=Action.ACCESS).exists()
