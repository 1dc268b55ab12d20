"""Granting, changing and withdrawing access to installations and stations (D7, B21, P19)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from accounts.access.rights import Can, Role
from accounts.mails.services.mails import send_mails
from accounts.models import AccountMail, Grant, User
from chargers.grants.services.grants import create_grant, edit_grant, find_place, roles_to_give, withdraw_grant
from chargers.grants.services.mails import mail_about_grant
from chargers.models import ChargingStation, Installation
from cpms.common.errors import DomainError, NotAllowed
from tests import factories
from tools import permissions

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(team: Any) -> Installation:
    return factories.InstallationFactory.create(team=team, name="Hall 1")


@pytest.fixture
def inside(team: Any, place: Installation) -> ChargingStation:
    return factories.StationFactory.create(team=team, installation=place)


@pytest.fixture
def friend(db: Any) -> User:
    return factories.UserFactory.create(email="friend@example.org")


@pytest.fixture
def holder(place: Installation) -> Any:
    def make(role: str = "owner", **fields: Any) -> User:
        return factories.GrantFactory.create(installation=place, role=role, **fields).user

    return make


def in_days(days: int) -> Any:
    return timezone.now() + timedelta(days=days)


def refusal(**fields: Any) -> DomainError:
    with pytest.raises(DomainError) as caught:
        create_grant(**fields)
    return caught.value


def test_an_administrator_can_grant_each_role(administrator: User, inside: Any, friend: User) -> None:
    for role in ("owner", "service", "user"):
        grant = create_grant(place=inside, role=role, email="Friend@Example.org", actor=administrator)
        assert (grant.user, grant.team, grant.created_by) == (friend, inside.team, administrator)
    assert User.objects.get(pk=friend.pk).access.may(Can.CONFIGURE, inside)


def test_a_grant_to_a_team_by_its_handle(administrator: User, place: Any, other_team: Any, stranger: User) -> None:
    create_grant(place=place, role="service", to_team=other_team.handle, ends_at=in_days(3), actor=administrator)
    assert User.objects.get(pk=stranger.pk).access.may(Can.CONFIGURE_PLACES, place)


@pytest.mark.parametrize("role", Role.values)
def test_granting_requires_the_right_to_manage_access(role: str, user_with: Any, place: Any, friend: User) -> None:
    fields = {"place": place, "role": "user", "email": friend.email, "actor": user_with(Role(role))}
    if role == Role.ADMIN:
        assert create_grant(**fields)
    else:
        assert isinstance(refusal(**fields), NotAllowed)


def test_an_owner_can_grant_owner_and_user_but_not_service(holder: Any, inside: Any, friend: User) -> None:
    """Nobody grants more than they have (Z15, Z17)."""
    owner = holder()
    assert roles_to_give(owner, inside) == ["owner", "user"]
    create_grant(place=inside, role="owner", email=friend.email, actor=owner)
    assert "role" in refusal(place=inside, role="service", email=friend.email, actor=owner).fields


def test_nobody_grants_access_beyond_the_end_of_their_own(holder: Any, place: Any, friend: User) -> None:
    """B21."""
    owner = holder(ends_at=in_days(2))
    for ends_at in (None, in_days(3)):
        assert "ends_at" in refusal(place=place, role="user", email=friend.email, ends_at=ends_at, actor=owner).fields
    assert create_grant(place=place, role="user", email=friend.email, ends_at=in_days(1), actor=owner)
    own = Grant.objects.get(user=owner)
    with pytest.raises(DomainError):
        edit_grant(grant=own, role="owner", ends_at=None, actor=owner)


def test_invalid_grants_are_refused(administrator: User, place: Any, team: Any, friend: User) -> None:
    def fields(**values: Any) -> set[str]:
        return set(refusal(**{"place": place, "role": "user", "actor": administrator} | values).fields)

    assert fields(email="nobody@example.org") == {"email"}
    assert "Invite" in str(refusal(place=place, role="user", email="nobody@example.org", actor=administrator))
    assert fields(to_team="nowhere") == fields(to_team=team.handle) == {"to_team"}
    assert fields() == fields(email=friend.email, to_team="x") == {"email"}
    assert fields(email=administrator.email) == {"email"}
    assert fields(email=friend.email, role="king") == {"role"}
    assert fields(email=friend.email, ends_at=timezone.now()) == {"ends_at"}
    User.objects.filter(pk=friend.pk).update(is_active=False)
    assert fields(email=friend.email) == {"email"}
    assert not Grant.objects.exists()


def test_a_station_in_the_pool_cannot_be_shared(staff: User, friend: User) -> None:
    station = factories.StationFactory.create(team=None)
    assert refusal(place=station, role="user", email=friend.email, actor=staff)


def test_the_same_access_can_be_granted_again_only_after_it_ended(
    administrator: User, place: Any, friend: User
) -> None:
    fields = {"place": place, "role": "user", "email": friend.email, "actor": administrator}
    first = create_grant(**fields, ends_at=in_days(1))
    assert "already" in str(refusal(**fields))
    Grant.objects.filter(pk=first.pk).update(ends_at=timezone.now())
    second = create_grant(**fields)
    assert second.is_active and Grant.objects.count() == 2
    other = create_grant(**fields | {"role": "service"})
    with pytest.raises(DomainError):
        edit_grant(grant=other, role="user", ends_at=None, actor=administrator)


def test_editing_and_revoking_a_grant(administrator: User, holder: Any, place: Any, inside: Any) -> None:
    user = holder("user")
    grant = Grant.objects.get(user=user)
    edit_grant(grant=grant, role="service", ends_at=in_days(1), actor=administrator)
    assert User.objects.get(pk=user.pk).access.may(Can.CONFIGURE, inside)
    withdraw_grant(grant=grant, actor=administrator)
    assert not User.objects.get(pk=user.pk).access.may(Can.CONFIGURE, inside)
    with pytest.raises(DomainError):
        edit_grant(grant=grant, role="service", ends_at=None, actor=administrator)
    assert withdraw_grant(grant=grant, actor=administrator).withdrawn_at  # repeating it changes nothing


def test_a_holder_can_give_access_back(holder: Any, place: Any, other_team: Any, stranger: User) -> None:
    user = holder("user")
    mine = Grant.objects.get(user=user)
    ours = factories.GrantFactory.create(installation=place, role="service", user=None, to_team=other_team)
    with pytest.raises(NotAllowed):
        withdraw_grant(grant=ours, actor=user)
    with pytest.raises(NotAllowed):
        withdraw_grant(grant=mine, actor=stranger)
    withdraw_grant(grant=mine, actor=user)
    withdraw_grant(grant=ours, actor=stranger)
    assert not Grant.objects.active().exists()


def test_only_visible_places_can_be_chosen(stranger: User, inside: Any, administrator: User) -> None:
    assert find_place(actor=administrator, station=inside.identity) == inside
    for fields in ({"station": inside.identity}, {"installation": inside.installation_id}, {}):
        with pytest.raises(DomainError):
            find_place(actor=stranger, **fields)


@pytest.mark.parametrize("what", ["given", "changed", "withdrawn"])
def test_the_holder_is_notified_by_email(what: str, place: Any, friend: User) -> None:
    grant = factories.GrantFactory.create(installation=place, user=friend, role="service", ends_at=in_days(1))
    mail_about_grant(grant, what)
    assert not mail.outbox and send_mails() == 1
    (message,) = mail.outbox
    assert message.to == [friend.email] and "Hall 1" in message.subject and "Service" in str(message.body)
    assert message.alternatives and "Hall 1" in str(message.alternatives[0][0])  # type: ignore[attr-defined]


def test_the_administrators_of_a_team_are_notified(place: Any, other_team: Any, stranger: User, user_with: Any) -> None:
    user_with(Role.VIEWER, other_team)
    grant = factories.GrantFactory.create(installation=place, user=None, to_team=other_team)
    mail_about_grant(grant, "given")
    send_mails()
    assert [message.to for message in mail.outbox] == [[stranger.email]]


def test_no_email_is_lost_while_the_mail_server_is_down(place: Any, friend: User, monkeypatch: Any) -> None:
    create_grant(place=place, role="user", email=friend.email)
    with monkeypatch.context() as broken:
        broken.setattr(mail.EmailMessage, "send", lambda message: 1 / 0)
        assert send_mails() == 0
    AccountMail.objects.update(next_at=timezone.now())
    assert send_mails() == 1 and [message.to for message in mail.outbox] == [[friend.email]]


def test_the_email_is_queued_after_the_commit(
    administrator: User, place: Any, friend: User, monkeypatch: Any, django_capture_on_commit_callbacks: Any
) -> None:
    queued: list[Any] = []
    monkeypatch.setattr("accounts.mails.services.mails.current_app.send_task", queued.append)
    with django_capture_on_commit_callbacks(execute=True):
        create_grant(place=place, role="user", email=friend.email, actor=administrator)
        assert not queued
    assert queued == ["accounts.send_mails"]


# --- pages --------------------------------------------------------------------------------------------------------


def test_the_list_shows_managed_and_received_access(
    client: Any, administrator: User, viewer: User, holder: Any, inside: Any
) -> None:
    user, owner = holder("user"), holder()
    elsewhere = factories.GrantFactory.create(station=factories.StationFactory.create(), user=user)

    def shown(person: User, query: str = "") -> set[int]:
        client.force_login(person)
        return {row.record.pk for row in client.get(f"/access/{query}").context["table"].page.object_list}

    here = set(Grant.objects.exclude(pk=elsewhere.pk).values_list("pk", flat=True))
    assert shown(administrator) == shown(owner) == here
    assert shown(viewer) == set()
    assert shown(user) == {elsewhere.pk, Grant.objects.get(user=user, role="user").pk}
    assert shown(user, "?role=user") == shown(administrator, "?role=user")
    assert shown(owner, "?side=held") == {Grant.objects.get(user=owner).pk}
    assert shown(owner, "?side=given") == here - shown(owner, "?side=held")
    assert shown(owner, "?state=over") == set() and shown(owner, "?state=active") == here
    assert shown(owner, f"?q={user.email}") == {Grant.objects.get(user=user, role="user").pk}
    exported = b"".join(client.get("/access/?export=csv")).decode()
    assert user.email in exported and elsewhere.station.identity not in exported


def test_query_count_does_not_grow_with_grants(
    client: Any, administrator: User, inside: Any, django_assert_max_num_queries: Any
) -> None:
    client.force_login(administrator)
    for _n in range(20):
        factories.GrantFactory.create(station=inside)
    with django_assert_max_num_queries(12):
        client.get("/access/")


def test_access_is_granted_edited_and_revoked_on_pages(
    client: Any, administrator: User, inside: Any, friend: User
) -> None:
    client.force_login(administrator)
    page = client.get(f"/access/give/?station={inside.pk}")
    assert inside.identity in page.content.decode()
    body = {"recipient": "email", "email": friend.email, "role": "service", "ends_at": "2027-05-01T12:00"}
    assert client.post(f"/access/give/?station={inside.pk}", body).status_code == 302
    grant = Grant.objects.get()
    assert (grant.station, grant.user, grant.role) == (inside, friend, "service") and "2027" in str(grant.ends_at)
    page = client.post(f"/access/give/?station={inside.pk}", body)
    assert page.status_code == 422 and "already" in page.content.decode()
    assert client.post(f"/access/{grant.pk}/", {"role": "user", "ends_at": ""}).status_code == 302
    grant.refresh_from_db()
    assert (grant.role, grant.ends_at) == ("user", None)
    assert "friend@example.org" in client.get(f"/access/{grant.pk}/withdraw/").content.decode()
    client.post(f"/access/{grant.pk}/withdraw/")
    grant.refresh_from_db()
    assert not grant.is_active


def test_a_place_can_be_chosen_on_the_page(client: Any, administrator: User, inside: Any, friend: User) -> None:
    client.force_login(administrator)
    body = {"recipient": "email", "email": friend.email, "role": "user"}
    station, installation = {"station": inside.identity}, {"installation": inside.installation_id}
    assert client.post("/access/give/", body | station).status_code == 422
    assert client.post("/access/give/", body | station | {"place": "station"}).status_code == 302
    assert client.post("/access/give/", body | installation | {"place": "installation"}).status_code == 302
    assert {str(grant.place) for grant in Grant.objects.all()} == {inside.identity, "Hall 1"}


@pytest.mark.parametrize("query", ["station=x", "station=99999999999999999999", "installation=0", "station=%00"])
def test_an_unknown_place_answers_not_found(client: Any, administrator: User, query: str) -> None:
    client.force_login(administrator)
    assert client.get(f"/access/give/?{query}").status_code == 404


def test_an_end_in_an_impossible_year_is_refused(client: Any, administrator: User, inside: Any, friend: User) -> None:
    client.force_login(administrator)
    for year in ("0001", "9999"):
        body = {"recipient": "email", "email": friend.email, "role": "user", "ends_at": f"{year}-01-01T00:00"}
        assert client.post(f"/access/give/?station={inside.pk}", body).status_code == 422


# --- API ----------------------------------------------------------------------------------------------------------


def test_access_is_granted_edited_and_revoked_by_api(api: Any, administrator: User, inside: Any, friend: User) -> None:
    ask = api(administrator)
    wanted = {"station": inside.identity, "email": friend.email, "role": "user", "ends_at": "2027-05-01T12:00:00Z"}
    made = ask.post("/api/v1/grants/", wanted, format="json")
    assert made.status_code == 201, made.json()
    assert made.json()["station"] == inside.identity and made.json()["team"] == inside.team.handle
    address = made["Location"]
    assert ask.post("/api/v1/grants/", wanted, format="json").status_code == 400
    changed = ask.patch(address, {"role": "service"}, format="json").json()
    assert (changed["role"], changed["ends_at"]) == ("service", "2027-05-01T12:00:00Z")
    assert [row["id"] for row in api(friend).get("/api/v1/grants/?is_active=true").json()["results"]] == [changed["id"]]
    assert ask.delete(address).status_code == 204
    assert ask.get(address).json()["is_active"] is False
    assert ask.get("/api/v1/grants/?is_active=true").json()["results"] == []


def test_the_api_grants_no_more_than_the_user_has(api: Any, holder: Any, inside: Any, friend: User) -> None:
    wanted = {"station": inside.identity, "email": friend.email, "role": "service"}
    answer = api(holder()).post("/api/v1/grants/", wanted, format="json")
    assert answer.status_code == 400 and answer.json()["errors"][0]["field"] == "role"
    assert api(holder("service")).post("/api/v1/grants/", wanted, format="json").status_code == 403
    # This user does not see the place.
    assert api(holder("user")).post("/api/v1/grants/", wanted, format="json").status_code == 400


# --- the table ----------------------------------------------------------------------------------------------------


def test_the_document_matches_the_table_of_rights() -> None:
    assert permissions.PAGE.read_text(encoding="utf-8") == permissions.page(), "run python tools/permissions.py"


def test_the_page_shows_each_cell_as_text(client: Any, viewer: User) -> None:
    client.force_login(viewer)
    text = client.get("/permissions/").content.decode()
    assert text.count(">yes<") == sum(line.count("| yes") for line in permissions.page().splitlines())
    assert text.count(">no<") == sum(line.count("| no ") for line in permissions.page().splitlines())
