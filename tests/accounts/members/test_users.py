"""Settings > Users: who is to be seen, changed with tags, deleted (W11-W15, W78, B24)."""

import json
import re

import pytest
from django.urls import reverse

from accounts.access.rights import Role
from accounts.members.services import people
from accounts.models import ApiToken, Grant, User
from accounts.programs.services.tokens import issue_api_token
from chargers.models import Tag
from cpms.common.errors import DomainError, NotAllowed
from tests import factories

LIST, DELETE = reverse("portal:user_list"), reverse("portal:user_delete")
PERSON = {"first_name": "Ada", "last_name": "Lovelace", "phone": "+49 170 1", "language": "de"}


def edit(person):
    return reverse("portal:user_edit", args=[person.pk])


def number_field(membership):
    return f"employee_number_{membership.pk}"


def tags(*rows, shown=()):
    """The form's columns: pk, value, label, kind."""
    names = ("tag_pk", "tag_value", "tag_label", "tag_kind")
    return {name: [row[n] for row in rows] for n, name in enumerate(names)} | {"tag_shown": list(shown)}


def listed(client):
    return {record.email for record in client.get(LIST).context["page"].object_list.data}


def test_an_administrator_sees_his_people_and_others_only_themselves(
    client, administrator, viewer, operator, stranger, staff, team
):
    factories.MembershipFactory(team=team, user=staff)
    for who, seen in (
        (administrator, {administrator, viewer, operator}),
        (viewer, {viewer}),
        (stranger, {stranger}),
        (staff, {administrator, viewer, operator, stranger, staff}),
    ):
        client.force_login(who)
        assert listed(client) == {user.email for user in seen}
    client.force_login(administrator)
    for hidden in (stranger, staff):
        assert client.get(edit(hidden)).status_code == client.post(edit(hidden), PERSON).status_code == 404


def test_each_row_has_an_edit_button_that_opens_that_persons_form(client, administrator, viewer, operator, staff):
    """W13: also one's own row, and the only row of who manages nobody."""
    operator.first_name, operator.last_name = "Grace", "Hopper"
    operator.save()
    for who, seen in ((administrator, {administrator, viewer, operator}), (viewer, {viewer})):
        client.force_login(who)
        page = client.get(LIST).content.decode()
        rows = re.findall(r"<tr\b.*?</tr>", page.partition("<tbody")[2], re.DOTALL)
        buttons = [re.findall(r'<a class="btn btn-sm" href="([^"]+)">Edit<', row) for row in rows]
        assert all(len(found) == 1 for found in buttons) and len(rows) == len(seen)
        assert {address for (address,) in buttons} == {edit(person) for person in seen}
        for row, (address,) in zip(rows, buttons, strict=True):
            form = client.get(address)
            assert form.status_code == 200 and form.context["person"].email in row
            assert 'name="first_name"' in form.content.decode()


def test_the_list_says_nothing_of_teams_one_does_not_manage(client, administrator, viewer, other_team):
    factories.MembershipFactory(team=other_team, user=viewer)
    factories.TagFactory(team=other_team, user=viewer, value="SECRET1")
    client.force_login(administrator)
    page = client.get(LIST).content.decode() + client.get(edit(viewer)).content.decode()
    assert other_team.name not in page and "SECRET1" not in page


def test_a_person_is_changed_with_his_tags_in_one_form(client, administrator, viewer, team):
    old = factories.TagFactory(team=team, user=viewer, label="old")
    kept = factories.TagFactory(team=team, user=viewer)
    client.force_login(administrator)
    rows = tags(
        (kept.pk, kept.value, "blue", "company"),
        ("", "04AABBCC", "van", "private"),
        ("", "", "phone", "other"),
        shown=(old.pk, kept.pk),
    )
    number = number_field(viewer.memberships.get())
    assert client.post(edit(viewer), PERSON | rows | {number: "7"}).status_code == 302
    viewer.refresh_from_db()
    assert (viewer.first_name, viewer.phone) == ("Ada", "+49 170 1")
    assert viewer.memberships.get().employee_number == "7"
    found = {tag.label: tag for tag in Tag.objects.filter(user=viewer)}
    assert set(found) == {"blue", "van", "phone"}
    assert (found["blue"].kind, found["van"].value, found["van"].kind) == ("company", "04AABBCC", "private")
    assert found["phone"].kind == "other" and 16 <= len(found["phone"].value) <= 20
    old.refresh_from_db()
    assert old.user is None and old.status == Tag.Status.BLOCKED, "it does not charge any more"


def test_a_tag_that_was_added_meanwhile_stays(client, administrator, viewer, team):
    meanwhile = factories.TagFactory(team=team, user=viewer)
    client.force_login(administrator)
    client.post(edit(viewer), PERSON | tags(shown=()))
    meanwhile.refresh_from_db()
    assert meanwhile.user == viewer


def test_what_is_wrong_with_a_tag_stands_at_its_row(client, administrator, viewer):
    """Two mistakes are told together, each at its own row, and nothing is saved."""
    rows = [("", "GOOD1", "", "other"), ("", "X1", "", ""), ("", "x" * 21, "", "other")]
    client.force_login(administrator)
    answer = client.post(edit(viewer), PERSON | tags(*rows))
    assert answer.status_code == 422
    told = [row["problem"] and row["problem"].sentence for row in answer.context["tags"]]
    assert told == [None, "Choose a type for each tag.", "A tag must have 1 to 20 characters."]
    assert [row["value"] for row in answer.context["tags"]] == ["GOOD1", "X1", "x" * 21]
    viewer.refresh_from_db()
    assert viewer.first_name == "" and not viewer.tags.exists(), "all or nothing"


def test_a_number_that_is_pasted_is_never_cut(client, administrator, viewer, tag):
    """A limit in the page would cut off its end without a word."""
    tag.user = viewer
    tag.save()
    client.force_login(administrator)
    for page in (edit(viewer), reverse("chargers:tag_add"), reverse("chargers:tag_edit", args=[tag.pk])):
        for field in re.findall(r'<input[^>]*name="(?:tag_)?value"[^>]*>', client.get(page).content.decode()):
            assert "maxlength" not in field


def test_the_same_number_twice_in_one_form_is_refused(client, administrator, viewer, tag):
    tag.user = viewer
    tag.save()
    client.force_login(administrator)
    for rows in (
        [("", "TWICE", "", "other"), ("", "twice", "", "other")],
        [(tag.pk, tag.value, "", "other"), ("", tag.value.lower(), "", "other")],
    ):
        answer = client.post(edit(viewer), PERSON | tags(*rows, shown=(tag.pk,)))
        assert answer.status_code == 422
        first, second = (row["problem"] for row in answer.context["tags"])
        assert first is None and "appears twice in this form" in second.sentence and not second.consent
    assert not Tag.objects.filter(value__iexact="twice").exists()


@pytest.mark.parametrize("is_held", [False, True], ids=["nobody's", "somebody's"])
def test_a_tag_of_the_team_is_taken_over_only_with_a_yes(client, administrator, viewer, operator, tag, is_held):
    """It is offered with its name and holder; the yes counts for this holder only."""
    holder = operator if is_held else None
    Tag.objects.update(status=Tag.Status.BLOCKED, label="Gate card", user=holder)
    form = PERSON | tags(("", tag.value.lower(), "", "other"))
    client.force_login(administrator)
    answer = client.post(edit(viewer), form)
    tag.refresh_from_db()
    assert answer.status_code == 422 and (tag.user, tag.status) == (holder, Tag.Status.BLOCKED)
    [row] = answer.context["tags"]
    words = (tag.value, "“Gate card”", str(operator) if is_held else "not assigned", "blocked")
    assert all(word in row["problem"].sentence for word in words)
    assert f'name="tag_consent" value="{row["problem"].consent}"' in answer.content.decode()

    stale = f"{tag.pk}:{viewer.pk}"
    assert client.post(edit(viewer), form | {"tag_consent": stale}).status_code == 422
    assert client.post(edit(viewer), form | {"tag_consent": row["problem"].consent}).status_code == 302
    tag.refresh_from_db()
    assert (tag.user, tag.status, tag.label) == (viewer, Tag.Status.ACCEPTED, "Gate card")


def test_a_tag_that_is_taken_away_and_typed_again_stays(client, administrator, viewer, tag):
    tag.user = viewer
    tag.save()
    client.force_login(administrator)
    client.post(edit(viewer), PERSON | tags(("", tag.value, "", "company"), shown=(tag.pk,)))
    tag.refresh_from_db()
    assert (tag.user, tag.kind, tag.status) == (viewer, "company", Tag.Status.ACCEPTED)


def test_who_is_no_administrator_changes_himself_but_no_tags(client, viewer, tag):
    tag.user = viewer
    tag.save()
    client.force_login(viewer)
    assert tag.value in client.get(edit(viewer)).content.decode()
    assert client.post(edit(viewer), PERSON).status_code == 302
    assert client.post(edit(viewer), PERSON | tags(("", "MINE1", "", "other"), shown=(tag.pk,))).status_code == 403
    tag.refresh_from_db()
    assert tag.user == viewer and not Tag.objects.filter(value="MINE1").exists()


def test_only_yes_deletes(client, administrator, viewer, operator):
    """W12."""
    client.force_login(administrator)
    keys = {"user": [viewer.pk, operator.pk]}
    page = client.get(DELETE, keys).content.decode()
    assert viewer.email in page and operator.email in page and "Confirmation" in page
    client.post(DELETE, keys)
    assert User.objects.filter(erased_at__isnull=True).count() == 3
    answer = client.post(DELETE, keys | {"confirm": "yes"}, follow=True)
    assert "2 users deleted" in answer.content.decode()
    assert listed(client) == {administrator.email}


def test_the_books_keep_a_pseudonym(client, administrator, viewer, station, session, tag):
    """B24."""
    User.objects.filter(pk=viewer.pk).update(first_name="Ada", phone="+49")
    tag.user, tag.label = viewer, "Ada's card"
    tag.save()
    command = factories.CommandFactory(station=station, requested_by=viewer)
    issue_api_token(user=viewer, name="t")
    factories.GrantFactory(station=station, user=viewer)
    old = viewer.email
    client.force_login(viewer)
    assert people.erase_person(person=viewer, actor=administrator)
    viewer.refresh_from_db()
    assert str(viewer) == f"Former person {viewer.pk}"
    assert not viewer.is_active and not viewer.has_usable_password()
    assert not (viewer.first_name or viewer.phone or viewer.memberships.exists() or viewer.tags.exists())
    assert not ApiToken.objects.exists() and not Grant.objects.active().exists()
    session.refresh_from_db(), command.refresh_from_db(), tag.refresh_from_db()
    assert session.tag == tag and command.requested_by == viewer
    assert (tag.label, tag.status) == ("", Tag.Status.BLOCKED)
    assert client.get(reverse("portal:dashboard")).status_code == 302, "signed out everywhere"
    assert factories.UserFactory(email=old), "the address is free again"


def test_who_deletes_himself_is_signed_out(client, viewer):
    client.force_login(viewer)
    answer = client.post(DELETE, {"user": viewer.pk, "confirm": "yes"}, follow=True)
    assert "Your account was deleted" in answer.content.decode()
    assert "_auth_user_id" not in client.session


def test_the_last_administrator_cannot_go_while_somebody_is_left(administrator, viewer):
    with pytest.raises(DomainError, match="only administrator"):
        people.erase_person(person=administrator, actor=administrator)
    people.erase_person(person=viewer, actor=administrator)
    assert people.erase_person(person=administrator, actor=administrator)


def test_who_is_also_in_another_team_only_leaves_mine(client, administrator, viewer, other_team, team):
    factories.MembershipFactory(team=other_team, user=viewer)
    client.force_login(administrator)
    answer = client.post(DELETE, {"user": viewer.pk, "confirm": "yes"}, follow=True)
    assert "only left yours" in answer.content.decode()
    viewer.refresh_from_db()
    assert viewer.is_active and [one.team for one in viewer.memberships.all()] == [other_team]


def test_nobody_deletes_people_he_does_not_manage(client, viewer, operator, stranger, staff, administrator):
    for actor, person in ((viewer, operator), (stranger, viewer), (administrator, staff), (operator, administrator)):
        with pytest.raises(NotAllowed):
            people.erase_person(person=person, actor=actor)
    client.force_login(stranger)
    client.post(DELETE, {"user": [viewer.pk], "confirm": "yes"})
    viewer.refresh_from_db()
    assert viewer.is_active


def test_support_staff_is_not_deleted_by_a_team(administrator, staff, team):
    factories.MembershipFactory(team=team, user=staff, role=Role.VIEWER)
    with pytest.raises(NotAllowed):
        people.erase_person(person=staff, actor=administrator)


def test_own_data_is_all_of_ones_own_and_nothing_else(client, viewer, operator, session, tag, station):
    """B24."""
    tag.user = viewer
    tag.save()
    factories.CommandFactory(station=station, requested_by=viewer)
    factories.CommandFactory(station=station, requested_by=operator)
    issue_api_token(user=viewer, name="billing")
    client.force_login(viewer)
    answer = client.get(reverse("portal:own_data"))
    told = json.loads(answer.content)
    assert "attachment" in answer["Content-Disposition"] and "no-store" in answer["Cache-Control"]
    assert told["person"]["email"] == viewer.email
    assert [row["value"] for row in told["tags"]] == [tag.value]
    assert [row["id"] for row in told["sessions"]] == [session.pk]
    assert len(told["commands"]) == len(told["memberships"]) == len(told["api_tokens"]) == 1
    assert "pbkdf2" not in answer.content.decode() and "hashed" not in answer.content.decode()


def test_queries_do_not_grow_with_people(client, administrator, team, django_assert_max_num_queries):
    for membership in factories.MembershipFactory.create_batch(18, team=team):
        factories.TagFactory(team=team, user=membership.user)
    client.force_login(administrator)
    with django_assert_max_num_queries(10):
        assert len(listed(client)) == 19


@pytest.mark.parametrize("wanted", ["Lovelace", "love ADA", "E-77", "%", "a\0b", ""])
def test_people_are_found(client, administrator, viewer, wanted):
    User.objects.filter(pk=viewer.pk).update(first_name="Ada", last_name="Lovelace")
    viewer.memberships.update(employee_number="E-77")
    client.force_login(administrator)
    assert client.get(LIST, {"q": wanted}).status_code == 200
    if wanted.isascii() and wanted[:1].isalpha() and "\0" not in wanted:
        assert [row.email for row in client.get(LIST, {"q": wanted}).context["page"].object_list.data] == [viewer.email]


def test_one_teams_administrator_does_not_change_a_person_of_another_team_too(
    client, administrator, viewer, other_team, stranger
):
    mine, other = viewer.memberships.get(), factories.MembershipFactory(team=other_team, user=viewer)
    client.force_login(administrator)
    page = client.get(edit(viewer)).content.decode()
    assert "is also a member of another team" in page and other_team.name not in page
    for name in ("first_name", "last_name", "phone", "language"):
        assert re.search(rf'<(input|select)[^>]* name="{name}"[^>]* disabled', page)
    assert number_field(mine) in page and number_field(other) not in page
    numbers = {number_field(mine): "A-1", number_field(other): "stolen"}
    assert client.post(edit(viewer), PERSON | numbers).status_code == 302
    viewer.refresh_from_db(), mine.refresh_from_db(), other.refresh_from_db()
    assert (viewer.first_name, viewer.last_name, viewer.phone, viewer.language) == ("", "", "", "")
    assert (mine.employee_number, other.employee_number) == ("A-1", "")
    with pytest.raises(NotAllowed, match="another team"):
        people.edit_person(person=viewer, actor=administrator, values=PERSON)
    with pytest.raises(NotAllowed, match="employee numbers"):
        people.edit_person(person=viewer, actor=administrator, employee_numbers={other.pk: "stolen"})


def test_the_person_support_staff_and_who_administers_all_their_teams_change_them(
    viewer, administrator, other_team, staff
):
    factories.MembershipFactory(team=other_team, user=viewer)
    people.edit_person(person=viewer, actor=viewer, values=PERSON)
    people.edit_person(person=viewer, actor=staff, values=PERSON)
    factories.MembershipFactory(team=other_team, user=administrator, role=Role.ADMIN)
    fresh = User.objects.get(pk=administrator.pk)
    people.edit_person(person=viewer, actor=fresh, values=PERSON | {"first_name": "Grace"})
    viewer.refresh_from_db()
    assert viewer.first_name == "Grace"


def test_the_employee_number_is_each_teams_own(client, administrator, viewer, other_team, stranger):
    viewer.memberships.update(employee_number="NORD-1")
    factories.MembershipFactory(team=other_team, user=viewer, employee_number="SECRET-2")
    client.force_login(administrator)
    assert "SECRET-2" not in client.get(edit(viewer)).content.decode()
    for wanted, found in (("nord-1", {viewer.email}), ("secret-2", set())):
        rows = client.get(LIST, {"q": wanted}).context["page"].object_list.data
        assert {row.email for row in rows} == found, "one cannot search for what one may not see"
    client.force_login(viewer)
    told = json.loads(client.get(reverse("portal:own_data")).content)
    assert {row["employee_number"] for row in told["memberships"]} == {"NORD-1", "SECRET-2"}
