"""A team's look: saved, shown, taken away (P11)."""

from itertools import product

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts.access.rights import Role
from accounts.branding.services.branding import STYLE_VERSION, branding_of_team
from accounts.models import AuditEntry, Brand, BrandPicture, Team
from accounts.team_settings.services import branding
from cpms.common.database.process_cache import clear_cached
from cpms.common.errors import DomainError, NotAllowed
from tests.accounts.conftest import image, prove

pytestmark = pytest.mark.django_db
PAGE, PREVIEW, RESET = "/team/branding/", "/team/branding/preview/", "/team/branding/reset/"
OWN = {"HTTP_HOST": "charging.nordlys.example"}
FACTS = {"portal_name": "Nordlys Lading", "accent": "#0b6e4f", "accent_dark": "#4ade80"}


@pytest.fixture
def brand(team):
    return branding.save_brand(
        team=team,
        values=FACTS | {"support_email": "help@nordlys.example", "imprint_url": "https://nordlys.example/imprint"},
        uploads={"logo_light": image(), "icon": image(size=(64, 64))},
    )


def field_of(**more):
    with pytest.raises(DomainError) as caught:
        branding.save_brand(**more)
    return set(caught.value.fields)


def text_of(answer):
    assert answer.status_code == 200
    return answer.content.decode()


def form_of(**more):
    facts = {"portal_name": "N", "colours": "two", "accent": "#0b6e4f", "accent_dark": "#4ade80"}
    return facts | {"support_email": "", "support_phone": "", "imprint_url": ""} | more


def upload(content=None, name="logo.png"):
    return SimpleUploadedFile(name, content or image(), "image/png")


# --- the service --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"accent": "#ffd400", "accent_dark": "#4ade80"}, "accent"),
        ({"accent": "#0b6e4f", "accent_dark": "#101010"}, "accent_dark"),
        ({"accent": "", "accent_dark": "#4ade80"}, "accent"),
        ({"accent": "red"}, "accent"),
        ({"accent": "#0b6e4f;}body{display:none"}, "accent"),
        ({"portal_name": "x" * 41}, "portal_name"),
        ({"support_email": "nobody"}, "support_email"),
        ({"support_phone": "<script>"}, "support_phone"),
        ({"imprint_url": "javascript:alert(1)"}, "imprint_url"),
    ],
)
def test_a_wrong_value_is_refused_at_its_field(team, values, field):
    """P11."""
    assert field_of(team=team, values=values) == {field}
    assert not Brand.objects.exists()


def test_the_database_keeps_colours_colours(team):
    """P11: they become part of an address and of a stylesheet."""
    for wrong in ({"accent": "#0B6E4F"}, {"accent": "red"}, {"accent_dark": "#4ade80"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Brand.objects.create(team=team, **wrong)


def test_one_colour_is_made_readable_in_both_themes(team):
    """P11."""
    brand = branding.save_brand(team=team, values={"accent": "#ffd400"})
    light, dark = brand.palettes()
    assert light.accent != "#ffd400" and dark.accent == "#ffd400"
    brand.accent_dark = "#ffd400"
    with pytest.raises(ValidationError):
        brand.full_clean()


def test_only_an_administrator_of_a_team_that_has_it_changes_it(team, user_with, stranger, administrator):
    """P11, D5."""
    for actor in (user_with(Role.OPERATOR), stranger):
        with pytest.raises(NotAllowed):
            branding.save_brand(team=team, values=FACTS, actor=actor)
        with pytest.raises(NotAllowed):
            branding.reset_brand(team=team, actor=actor)
    Team.objects.filter(pk=team.pk).update(features_off=["branding"])
    with pytest.raises(NotAllowed):
        branding.save_brand(team=Team.objects.get(pk=team.pk), values=FACTS, actor=administrator)


def test_a_wrong_file_changes_nothing(team, brand):
    """P11."""
    before = set(BrandPicture.objects.values_list("key", flat=True))
    assert field_of(team=team, values={"portal_name": "x"}, uploads={"logo_light": b"<svg>"}) == {"logo_light"}
    assert branding_of_team(team.pk).name == "Nordlys Lading"
    assert set(BrandPicture.objects.values_list("key", flat=True)) == before


def test_changes_are_in_the_trail_without_the_pictures(team, brand, administrator):
    """P11, B21."""
    branding.save_brand(team=team, values={"accent": "#7c2d12"}, removed_kinds=["logo_light"], actor=administrator)
    told = [entry.changes for entry in AuditEntry.objects.filter(team=team, content_type__model="brand")]
    assert {"accent": ["#0b6e4f", "#7c2d12"]} in told
    (dropped,) = [changes["logo_light"] for changes in told if changes.get("logo_light", [""])[0]]
    assert dropped[1] == "" and len(dropped[0]) == 12
    branding.reset_brand(team=team, actor=administrator)
    assert AuditEntry.objects.filter(content_type__model="brand", action=AuditEntry.Action.DELETE).exists()


# --- what pages fetch ---------------------------------------------------------------------------------------------


def test_the_stylesheet_is_made_of_its_address(client, db):
    """P11: immutable, and of colours that can be read only."""
    answer = client.get(f"/brand/{STYLE_VERSION}/0b6e4f-4ade80.css")
    assert "--tblr-primary: #0b6e4f" in text_of(answer) and "--tblr-primary: #4ade80" in text_of(answer)
    assert answer["Content-Type"] == "text/css" and "immutable" in answer["Cache-Control"]
    assert client.get("/brand/00000000/0b6e4f-4ade80.css")["Cache-Control"] == "no-cache"
    for wrong in ("ffd400-4ade80", "0b6e4f-101010", "0b6e4f", "0b6e4f-4ade8g", "0B6E4F-4ADE80"):
        assert client.get(f"/brand/{STYLE_VERSION}/{wrong}.css").status_code == 404


def test_a_picture_is_served_as_one_and_nothing_else(client, brand):
    """P11."""
    for row in BrandPicture.objects.all():
        answer = client.get(f"/brand/{row.key}.png")
        assert answer.content == bytes(row.content) and answer["Content-Type"] == "image/png"
        assert "immutable" in answer["Cache-Control"] and answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_what_was_replaced_is_gone(client, team, brand):
    """P11."""
    old = branding_of_team(team.pk).logo_light.address
    assert client.get(old).status_code == 200
    branding.save_brand(team=team, values={}, uploads={"logo_light": image(colour=(1, 2, 3, 255))})
    new = branding_of_team(team.pk).logo_light.address
    assert new != old and client.get(new).status_code == 200
    assert client.get(old).status_code == 404
    branding.reset_brand(team=team)
    assert client.get(new).status_code == 404 and not branding_of_team(team.pk).has_logo


def test_two_teams_with_one_picture_have_two_addresses(team, other_team, brand):
    """P11."""
    branding.save_brand(team=other_team, values={}, uploads={"logo_light": image()})
    assert branding_of_team(team.pk).logo_light.key != branding_of_team(other_team.pk).logo_light.key


# --- the settings -------------------------------------------------------------------------------------------------


def test_the_look_is_saved_on_its_page(client, administrator, team):
    """P11."""
    client.force_login(administrator)
    answer = client.post(PAGE, form_of(logo_light=upload(), icon=upload(image(size=(90, 90)))), follow=True)
    assert "Branding saved" in text_of(answer) and "data:image/png;base64," in text_of(answer)
    look = branding_of_team(team.pk)
    assert (look.name, look.light.accent, look.dark.accent) == ("N", "#0b6e4f", "#4ade80")
    assert look.logo_light and look.icon and look.large_icon and not look.logo_dark
    client.post(PAGE, form_of(colours="ours", drop_logo_light="on"))
    look = branding_of_team(team.pk)
    assert not look.style and not look.logo_light and look.icon


def test_both_colours_are_judged_at_once(client, administrator):
    """P11: with the ratio and the nearest colour that passes."""
    client.force_login(administrator)
    answer = client.post(PAGE, form_of(accent="#ffd400", accent_dark="#101010"))
    assert answer.status_code == 422
    errors = answer.context["form"].errors
    assert errors.keys() == {"accent", "accent_dark"}
    assert ":1" in errors["accent"][0] and "#" in errors["accent"][0]


@pytest.mark.parametrize("content", [b"<svg onload='alert(1)'/>", b"nothing", image() + bytes(1024 * 1024)])
def test_a_file_that_is_no_picture_is_refused_at_its_field(client, administrator, content):
    """P11."""
    client.force_login(administrator)
    answer = client.post(PAGE, form_of(logo_dark=upload(content)))
    assert answer.status_code == 422 and answer.context["form"].errors.keys() == {"logo_dark"}
    assert not BrandPicture.objects.exists()


def test_the_preview_says_how_well_it_can_be_read(client, administrator):
    """P11."""
    client.force_login(administrator)
    text = text_of(client.get(PREVIEW, form_of(accent="#ffd400", portal_name="<i>x")))
    assert "too little" in text and "must be 4.5:1" in text and "&lt;i&gt;x" in text
    assert "made readable" in text_of(client.get(PREVIEW, form_of(colours="one", accent="#ffd400")))
    for nonsense in ({}, form_of(accent="red"), form_of(accent_dark="%"), form_of(colours="three")):
        assert "passes" in text_of(client.get(PREVIEW, nonsense))


def test_it_is_reset_after_a_question(client, administrator, team, brand):
    """P11."""
    client.force_login(administrator)
    assert "Reset branding?" in text_of(client.get(RESET)) and Brand.objects.exists()
    client.post(RESET)
    assert not Brand.objects.exists() and not BrandPicture.objects.exists()


# --- in whose look ------------------------------------------------------------------------------------------------


def test_pages_are_in_the_look_of_the_team_one_works_for(client, administrator, stranger, brand):
    """P11."""
    client.force_login(administrator)
    text = text_of(client.get("/stations/"))
    assert "Nordlys Lading</title>" in text and f"/brand/{STYLE_VERSION}/0b6e4f-4ade80.css" in text
    assert "help@nordlys.example" in text and "https://nordlys.example/imprint" in text
    client.force_login(stranger)
    text = text_of(client.get("/stations/"))
    assert "CPMS</title>" in text and "/brand/" not in text and "nordlys" not in text.lower()


def test_before_the_log_in_our_own_host_is_ours(client, brand):
    """P11."""
    assert "Nordlys" not in text_of(client.get("/account/login/"))


def test_a_look_costs_no_query_once_it_is_remembered(
    client, administrator, team, team_host, django_assert_num_queries, django_assert_max_num_queries
):
    """P11."""
    client.force_login(administrator)
    client.get("/account/tokens/")
    with django_assert_max_num_queries(20) as before:
        client.get("/account/tokens/")
    usual = len(before)
    branding.save_brand(team=team, values=FACTS, uploads={"logo_light": image()})
    client.get("/account/tokens/")
    with django_assert_num_queries(usual):
        assert "Nordlys Lading" in text_of(client.get("/account/tokens/"))
    stranger = Client()
    stranger.get("/account/login/", **OWN)
    with django_assert_num_queries(0):
        assert "Nordlys Lading" in text_of(stranger.get("/account/login/", **OWN))


def test_the_hosts_look_is_everybodys_there(team, other_team, stranger, administrator, team_host, brand):
    """P11: before the log-in, for members and for people of other teams."""
    branding.save_brand(team=other_team, values={"portal_name": "Somebody Power"}, uploads={"logo_light": image()})
    prove(other_team, "power.stranger.example")
    looks_at = {OWN["HTTP_HOST"]: "Nordlys Lading", "power.stranger.example": "Somebody Power"}
    for user, (host, name) in product((None, administrator, stranger), looks_at.items()):
        client = Client()  # a browser sends the cookies of one host to no other
        if user is not None:
            client.force_login(user)
        for path in ("/imprint/", *(["/stations/", "/account/"] if user else ["/account/login/"])):
            text = text_of(client.get(path, HTTP_HOST=host))
            assert [known for known in looks_at.values() if known in text] == [name], path


@pytest.mark.parametrize("path", ["/account/login/", "/account/password/forgotten/", "/account/invitation/x/", "/no/"])
def test_pages_before_the_log_in_are_in_the_hosts_look(client, team_host, brand, path):
    """P11."""
    text = client.get(path, **OWN).content.decode()
    assert "Nordlys Lading</title>" in text and "0b6e4f-4ade80.css" in text and "CPMS" not in text
    assert 'rel="icon" href="/brand/' in text and "apple-touch-icon" in text


def test_pictures_of_others_are_not_there_on_a_teams_host(client, team, other_team, team_host, brand):
    """P11."""
    branding.save_brand(team=other_team, values={}, uploads={"logo_light": image()})
    ours, others = (branding_of_team(one.pk).logo_light.address for one in (team, other_team))
    assert client.get(ours, **OWN).status_code == 200
    assert client.get(others, **OWN).status_code == 404
    assert client.get(ours).status_code == client.get(others).status_code == 200


def test_a_team_whose_branding_is_off_has_our_look(client, administrator, team, brand, team_host, staff):
    """P11, D5."""
    from accounts.team_settings.services.team import set_features

    set_features(team=team, on=["api", "exports"], actor=staff)
    client.force_login(administrator)
    assert "Nordlys Lading" not in text_of(client.get("/stations/"))
    assert client.get("/account/login/", **OWN).status_code == 400
    assert "switched off" in text_of(client.get("/team/"))
    assert client.get(PAGE).status_code == 403


def test_support_staff_judges_colours_too_and_takes_pictures_down(client, staff, team, brand):
    """P11."""
    client.force_login(staff)
    address = reverse("admin:accounts_brand_change", args=[brand.pk])
    facts = {"team": team.pk, "portal_name": "x", "accent": "#ffd400", "accent_dark": "#4ade80"}
    assert "must be 4.5:1" in text_of(client.post(address, facts))
    assert client.post(address, facts | {"accent": "#0b6e4f"}).status_code == 302
    row = BrandPicture.objects.get(kind="logo_light", size="page")
    assert f"/brand/{row.key}.png" in text_of(client.get(reverse("admin:accounts_brandpicture_changelist")))
    client.post(reverse("admin:accounts_brandpicture_delete", args=[row.pk]), {"post": "yes"})
    clear_cached()
    assert not branding_of_team(team.pk).logo_light


def test_no_page_names_us_in_its_title(settings):
    """P11: a new page's title ends with the portal's name."""
    found = [
        str(path)
        for path in (settings.BASE_DIR / "templates").rglob("*.html")
        if "CPMS{% endblock title %}" in path.read_text()
    ]
    assert not found
