"""The owner of a single station in the portal (Z13): access, status, users, and the whole history."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Grant
from chargers.tags.services.authorization import authorize_tag
from tests import factories
from tests.cpms.common.test_lists import rows_of, sheet

SESSIONS, ACCESS, STATIONS = map(reverse, ("sessions:session_list", "access:grant_list", "chargers:station_list"))


@pytest.fixture
def owned(team, online):
    return online(team, status="Charging", identity="GARAGE-7")


@pytest.fixture
def neighbour(team, online):
    """Another station of the same team."""
    return online(team, identity="GARAGE-8")


@pytest.fixture
def owner(owned):
    return factories.GrantFactory(station=owned, installation=None, role="owner").user


@pytest.fixture
def browser(as_person, owner):
    return as_person(owner)


def test_the_owner_sees_the_status_of_this_station_only(browser, owned, neighbour):
    """Z13."""
    assert rows_of(browser.get(STATIONS)) == [owned]
    page = browser.get(owned.get_absolute_url()).content.decode()
    assert "Charging" in page and browser.get(reverse("chargers:station_live", args=[owned.pk])).status_code == 200
    owned.connectors.update(status="Faulted", error_code="GroundFailure")
    live = browser.get(reverse("chargers:station_live", args=[owned.pk])).content.decode()
    assert "Faulted" in live
    text = browser.get(reverse("portal:dashboard")).content.decode()
    assert "GARAGE-8" not in text and "GARAGE-7" in text
    for name in ("chargers:station_detail", "chargers:station_live", "chargers:station_power"):
        assert browser.get(reverse(name, args=[neighbour.pk])).status_code == 404


def test_the_owner_sees_its_whole_history_with_drivers(browser, owner, owned, neighbour, team):
    """Z13: also sessions from before the grant, and those of other drivers."""
    long_ago = timezone.now() - timedelta(days=800)
    assert Grant.objects.get(user=owner).created_at > long_ago
    driver = factories.UserFactory(first_name="Mia", last_name="Berg")
    tag = factories.TagFactory(team=team, user=driver, label="Blue van")
    old = factories.SessionFactory(station=owned, finished=True, started_at=long_ago)
    new = factories.SessionFactory(station=owned, tag=tag, id_tag=tag.value)
    foreign = factories.SessionFactory(station=neighbour, tag=tag, id_tag=tag.value)
    assert set(rows_of(browser.get(SESSIONS))) == {old, new}
    lines = sheet(browser.get(SESSIONS, {"export": "csv"}))
    assert {line[0] for line in lines[1:]} == {str(old.pk), str(new.pk)}
    text = browser.get(SESSIONS).content.decode()
    assert "Blue van" in text or "Mia Berg" in text
    for session in (old, new):
        assert browser.get(reverse("sessions:session_detail", args=[session.pk])).status_code == 200
    assert browser.get(reverse("sessions:session_detail", args=[foreign.pk])).status_code == 404
    command = factories.CommandFactory(station=owned)
    assert rows_of(browser.get(reverse("operations:command_list"))) == [command]


def test_the_owner_manages_who_may_charge(browser, owner, owned, neighbour, team):
    """Z13, Z11."""
    guest = factories.UserFactory(email="guest@example.org")
    tag = factories.TagFactory(team=team, user=guest)
    give = f"{reverse('access:grant_give')}?station={owned.pk}"
    fields = {"recipient": "email", "email": guest.email, "role": "user", "ends_at": ""}
    assert browser.get(give).status_code == 200
    assert browser.post(give, fields).status_code == 302
    grant = Grant.objects.get(user=guest)
    assert (grant.station, grant.role, grant.created_by) == (owned, "user", owner)
    listed = browser.get(ACCESS).content.decode()
    assert guest.email in listed and owner.email in listed, "the owner sees whom it is shared with"
    assert authorize_tag(station=owned, value=tag.value).is_accepted
    assert browser.post(reverse("access:grant_withdraw", args=[grant.pk])).status_code == 302
    grant.refresh_from_db()
    assert grant.withdrawn_at is not None
    elsewhere = f"{reverse('access:grant_give')}?station={neighbour.pk}"
    assert browser.get(elsewhere).status_code in (403, 404)
    assert browser.post(elsewhere, fields).status_code in (403, 404)
    assert browser.post(give, fields | {"role": "service"}).status_code == 422, "nobody grants more than they have"
    assert Grant.objects.filter(station=neighbour).count() == 0


def test_the_owner_cannot_change_technical_settings(browser, owned):
    """Z15 applies as it does to the owner of an installation."""
    wanted = {"kind": "change_configuration", "parameters": {"key": "HeartbeatInterval", "value": "60"}}
    address = reverse("api:station-commands", args=[owned.identity])
    assert browser.post(address, wanted, content_type="application/json").status_code == 403
    assert browser.get(reverse("chargers:station_password", args=[owned.pk])).status_code == 403


def test_everything_ends_with_the_owners_grant(browser, owner, owned):
    session = factories.SessionFactory(station=owned)
    Grant.objects.filter(user=owner).update(ends_at=timezone.now() - timedelta(minutes=1))
    assert rows_of(browser.get(STATIONS)) == rows_of(browser.get(SESSIONS)) == []
    for address in (owned.get_absolute_url(), reverse("sessions:session_detail", args=[session.pk])):
        assert browser.get(address).status_code == 404
