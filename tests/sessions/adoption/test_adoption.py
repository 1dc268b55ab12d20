"""Tags that stations refused, and their sessions (B2): nothing is lost, and one click adopts tag and sessions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry, Team, User
from chargers.models import ChargingStation, RefusedTag, Tag
from chargers.tags.services.authorization import authorize_tag
from chargers.tags.services.refusals import record_refusal
from sessions.ledger.services.ends import stop_session
from sessions.ledger.services.starts import start_session
from sessions.models import ChargingSession
from tests import factories
from tests.cpms.common.test_lists import rows_of

pytestmark = pytest.mark.django_db
LIST = reverse("sessions:refused_tag_list")
VALUE = "04A1B2C3"


def charge(station: ChargingStation, value: str = VALUE, connector: int = 1) -> ChargingSession:
    """Charge 1 kWh for an hour with this tag."""
    at = timezone.now() - timedelta(hours=2)
    started = start_session(
        station=station, connector=connector, id_tag=value, meter_start_wh=0, started_at=at, received_at=at
    )
    end = at + timedelta(hours=1)
    stop_session(
        station=station,
        transaction_id=started.session.pk,
        connector=connector,
        meter_stop_wh=1000,
        stopped_at=end,
        received_at=end,
        reason="Local",
        id_tag=value,
        raw="",
    )
    return ChargingSession.objects.get(pk=started.session.pk)


def url(name: str, refused: RefusedTag) -> str:
    return reverse(f"sessions:refused_tag_{name}", args=[refused.pk])


def test_a_refused_tag_is_listed_with_its_sessions(page: Any, station: ChargingStation) -> None:
    assert not charge(station).is_billable
    charge(station, VALUE.lower(), connector=2)
    refused = RefusedTag.objects.get()
    assert (refused.value, refused.reason, refused.station, refused.times) == (VALUE, "unknown", station, 2)
    text = page.get(LIST).content.decode()
    assert VALUE in text and station.identity in text and ">2</a>" in text and "2.00" in text


def test_one_click_adopts_the_tag_and_its_sessions(page: Any, operator: User, station: ChargingStation) -> None:
    first, second = charge(station), charge(station, VALUE.lower(), connector=2)
    other = charge(station, "SOMEBODY-ELSE", connector=3)
    refused = RefusedTag.objects.get(value=VALUE)
    answer = page.post(url("adopt", refused), follow=True).content.decode()
    assert "2 sessions accepted" in answer
    tag = Tag.objects.get(value=VALUE)
    assert tag.team == station.team and authorize_tag(station=station, value=VALUE).is_accepted
    for session in (first, second):
        session.refresh_from_db()
        assert (session.tag, session.authorization, session.is_billable, session.flags) == (tag, "Accepted", True, [])
    other.refresh_from_db()
    assert (other.authorization, other.is_billable) == ("Invalid", False)
    entries = AuditEntry.objects.filter(object_id=tag.pk, actor=operator)
    assert any("accepted_sessions" in entry.changes for entry in entries)
    listed: Any = rows_of(page.get(LIST))
    assert [row.value for row in listed] == ["SOMEBODY-ELSE"]
    adopted: Any = rows_of(page.get(LIST, {"state": "adopted"}))
    assert adopted == [refused]


def test_a_session_with_another_fault_stays_not_billable(page: Any, station: ChargingStation) -> None:
    session = charge(station)
    ChargingSession.objects.filter(pk=session.pk).update(energy_wh=10_000_000)
    page.post(url("adopt", RefusedTag.objects.get()))
    session.refresh_from_db()
    assert (session.authorization, session.is_billable, session.flags) == ("Accepted", False, ["too_much_energy"])


def test_a_blocked_tag_stays_blocked_and_its_sessions_are_accepted(page: Any, station: ChargingStation) -> None:
    tag = factories.TagFactory.create(team=station.team, value=VALUE, status="blocked")
    session = charge(station)
    assert "Accept sessions" in page.get(LIST).content.decode()
    page.post(url("adopt", RefusedTag.objects.get()))
    session.refresh_from_db()
    tag.refresh_from_db()
    assert (session.is_billable, session.tag, tag.status) == (True, tag, "blocked")
    assert Tag.objects.count() == 1


def test_an_adopted_tag_that_is_refused_again_waits_again_but_an_ignored_one_does_not(
    page: Any, station: ChargingStation
) -> None:
    charge(station)
    refused = RefusedTag.objects.get()
    page.post(url("ignore", refused))
    charge(station, connector=2)
    refused.refresh_from_db()
    assert (refused.state, refused.times) == ("ignored", 2)
    assert rows_of(page.get(LIST)) == []
    page.post(url("adopt", refused))
    Tag.objects.update(status="blocked")
    charge(station, connector=3)
    refused.refresh_from_db()
    assert (refused.state, refused.reason) == ("open", "blocked")
    assert ChargingSession.objects.filter(is_billable=True).count() == 2


def test_a_value_that_cannot_be_a_tag_is_refused_in_words(page: Any, station: ChargingStation) -> None:
    refused = factories.RefusedTagFactory.create(team=station.team, value="x" * 30)
    assert "1 to 20 characters" in page.post(url("adopt", refused), follow=True).content.decode()
    refused.refresh_from_db()
    assert refused.state == "open" and not Tag.objects.exists()


def test_who_may_decide(as_person: Any, api: Any, team: Team, viewer: User, stranger: User, operator: User) -> None:
    refused = factories.RefusedTagFactory.create(team=team)
    assert "Adopt" not in as_person(viewer).get(LIST).content.decode().partition("<tbody>")[2]
    assert rows_of(as_person(stranger).get(LIST)) == []
    for name in ("adopt", "ignore"):
        assert as_person(viewer).post(url(name, refused)).status_code == 403
        assert as_person(stranger).post(url(name, refused)).status_code == 404
    path = f"/api/v1/refused-tags/{refused.pk}/"
    assert api(viewer).get(path).json()["state"] == "open"
    assert api(operator).post(f"{path}ignore/").json()["state"] == "ignored"
    answer = api(operator).post(f"{path}adopt/").json()
    assert (answer["state"], answer["tag"]) == ("adopted", Tag.objects.get().pk)


def test_accepted_tags_leave_no_trace(station: ChargingStation) -> None:
    factories.TagFactory.create(team=station.team, value=VALUE)
    verdict = authorize_tag(station=station, value=VALUE)
    with CaptureQueriesContext(connection) as done:
        record_refusal(station=station, value=VALUE, verdict=verdict, at=timezone.now())
    assert not done.captured_queries and not RefusedTag.objects.exists()


def test_the_queries_of_the_list_do_not_grow(page: Any, station: ChargingStation) -> None:
    page.get(LIST)
    counts = []
    for count in (2, 12):
        for _n in range(count):
            refused = factories.RefusedTagFactory.create(team=station.team, station=station)
            factories.SessionFactory.create(
                station=station, id_tag=refused.value, authorization="Invalid", is_billable=False, finished=True
            )
        with CaptureQueriesContext(connection) as done:
            page.get(LIST, {"per_page": 50})
        counts.append(len(done))
    assert counts[0] == counts[1]
