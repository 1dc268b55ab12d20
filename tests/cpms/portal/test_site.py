"""Privacy settings, imprint, copyright and languages, on every page, signed in or not (W16-W18, W21)."""

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from cpms.portal.models import PrivacyChoice, SiteHook, SiteText

LOGIN, IMPRINT = reverse("accounts:login"), reverse("portal:imprint")
LANGUAGE, PRIVACY = reverse("portal:language"), reverse("portal:privacy")
ORIGIN = "https://stats.example.org"


@pytest.fixture
def hook(db, settings):
    settings.HOOK_ORIGINS = [ORIGIN]
    return SiteHook.objects.create(
        name="Counter", purpose="Counts <visits>.", category="statistics", script_url=f"{ORIGIN}/count.js"
    )


def is_loaded(answer):
    """Whether the tool is in the page and in its content security policy; must be the same for both."""
    page, policy = f'src="{ORIGIN}/count.js"' in answer.content.decode(), ORIGIN in answer["Content-Security-Policy"]
    assert page == policy
    return page


def test_a_tool_is_off_until_a_stranger_allows_it_and_off_again(client, hook):
    text = client.get(LOGIN).content.decode()
    assert "Counter" in text and "Counts &lt;visits&gt;." in text
    assert not is_loaded(client.get(LOGIN))
    answer = client.post(PRIVACY, {"hook": hook.pk, "next": LOGIN})
    assert answer["Location"] == LOGIN
    assert is_loaded(client.get(LOGIN)) and not is_loaded(Client().get(LOGIN))
    client.post(PRIVACY, {"next": LOGIN})
    assert not is_loaded(client.get(LOGIN))


def test_a_users_choice_applies_on_every_device(as_person, viewer, hook):
    assert not is_loaded(as_person(viewer).get("/"))
    as_person(viewer).post(PRIVACY, {"hook": hook.pk})
    assert is_loaded(as_person(viewer).get("/"))
    assert list(PrivacyChoice.objects.get().hooks.all()) == [hook]
    as_person(viewer).post(PRIVACY)
    assert not is_loaded(as_person(viewer).get("/"))


@pytest.mark.parametrize("change", [{"is_active": False}, {"script_url": "https://other.example/x.js"}])
def test_what_is_not_offered_any_more_is_not_loaded(client, hook, change):
    client.post(PRIVACY, {"hook": hook.pk})
    for name, value in change.items():
        setattr(hook, name, value)
    hook.save()
    assert not is_loaded(client.get(LOGIN)) and "Counter" not in client.get(LOGIN).content.decode()


@pytest.mark.parametrize(
    "wrong",
    [
        {"script_url": "https://evil.example/x.js"}, {"script_url": "http://stats.example.org/x.js"},
        {"script_url": "https://stats.example.org.evil.example/x.js"}, {"connects_to": "https://evil.example"},
        {"connects_to": "'unsafe-inline'"},
    ],
)  # fmt: skip
def test_a_tool_comes_from_an_allowed_origin_only(hook, wrong):
    for name, value in wrong.items():
        setattr(hook, name, value)
    with pytest.raises(ValidationError):
        hook.full_clean()


@pytest.mark.parametrize("nonsense", ["x", "-1", "9" * 30, "1.x.", "99999"])
def test_nonsense_in_the_cookie_allows_nothing(client, hook, nonsense):
    client.cookies["privacy"] = nonsense
    assert not is_loaded(client.get(LOGIN))


def test_without_tools_the_dialog_says_so(client, db):
    text = client.get(LOGIN).content.decode()
    assert "Privacy Settings" in text and "uses no trackers" in text


@pytest.mark.django_db
def test_the_imprint_names_the_host_and_is_text_only(client):
    """W17."""
    assert "testserver" in client.get(IMPRINT).content.decode()
    SiteText.objects.create(kind="imprint", language="en", text="We & <b>Co</b>\n\nStreet 1")
    SiteText.objects.create(kind="imprint", language="de", text="Wir")
    assert "<p>We &amp; &lt;b&gt;Co&lt;/b&gt;</p>" in client.get(IMPRINT).content.decode()
    client.post(LANGUAGE, {"language": "de"})
    assert "<p>Wir</p>" in client.get(IMPRINT).content.decode()


def test_every_page_leads_to_it_and_carries_the_copyright(client, as_person, viewer):
    SiteText.objects.create(kind="copyright", language="en", text="© Nordlys <1>")
    for answer in (client.get(LOGIN), as_person(viewer).get("/"), client.get("/nowhere/")):
        text = answer.content.decode()
        assert IMPRINT in text and "Privacy Settings" in text and "© Nordlys &lt;1&gt;" in text


def test_a_stranger_chooses_a_language(client, db):
    answer = client.post(LANGUAGE, {"language": "de", "next": LOGIN})
    assert answer["Location"] == LOGIN
    assert '<html lang="de"' in client.get(LOGIN).content.decode()
    client.post(LANGUAGE, {"language": "en"})
    assert '<html lang="en"' in client.get(LOGIN).content.decode()


def test_a_users_language_applies_everywhere(as_person, viewer):
    as_person(viewer).post(LANGUAGE, {"language": "de", "next": "https://evil.example/"})
    viewer.refresh_from_db()
    assert viewer.language == "de"
    assert '<html lang="de"' in as_person(viewer).get("/").content.decode()


def test_it_takes_a_form_of_ours(viewer):
    strict = Client(enforce_csrf_checks=True)
    for url in (LANGUAGE, PRIVACY):
        assert strict.post(url, {"language": "de"}).status_code == 403


@pytest.mark.parametrize("language", ["", "fr", "xx", "de/../"])
def test_another_language_is_not_there(client, db, language):
    assert client.post(LANGUAGE, {"language": language}).status_code == 404
