"""Signing in and out, and keys for programs."""

import pytest
from django.core.cache import cache
from django.urls import reverse

from accounts.models import ApiToken
from tests import factories

LOGIN = reverse("accounts:login")


def sign_in(client, user, password=factories.PASSWORD, **more):
    return client.post(LOGIN, {"login": user.email, "password": password, **more})


def test_signs_in_with_the_address_in_any_case(client, viewer):
    """V1."""
    answer = client.post(LOGIN, {"login": f" {viewer.email.upper()}", "password": factories.PASSWORD})
    assert answer.status_code == 302
    assert answer.url == reverse("portal:dashboard")


def test_a_wrong_password_is_refused_without_saying_which_is_wrong(client, viewer):
    """W4."""
    wrong = sign_in(client, viewer, "wrong")
    unknown = client.post(LOGIN, {"login": "nobody@example.org", "password": "wrong"})
    assert wrong.status_code == unknown.status_code == 200
    assert wrong.context["form"].non_field_errors() == unknown.context["form"].non_field_errors()


def test_too_many_attempts_are_told_so_even_with_the_right_password(client, viewer, settings):
    settings.LOGIN_ATTEMPTS_PER_MINUTE = 3
    for _n in range(3):
        sign_in(client, viewer, "wrong")
    assert "Too many attempts" in sign_in(client, viewer).content.decode()


def test_an_unavailable_cache_locks_nobody_out(client, viewer, monkeypatch):
    def broken(*args, **kwargs):
        raise ConnectionError

    monkeypatch.setattr(cache, "add", broken)
    monkeypatch.setattr(cache, "delete", broken)
    assert sign_in(client, viewer).status_code == 302


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_signing_in_leads_nowhere_else(client, viewer, target):
    assert sign_in(client, viewer, next=target).url == reverse("portal:dashboard")


def test_signing_out_takes_a_post(client, viewer):
    """W5."""
    client.force_login(viewer)
    assert client.get(reverse("accounts:logout")).status_code == 405
    assert client.post(reverse("accounts:logout")).status_code == 302
    assert client.get(reverse("portal:dashboard")).status_code == 302


def test_the_admin_uses_the_same_door(client, staff, viewer):
    answer = client.get("/admin/", follow=True)
    assert answer.request["PATH_INFO"] == LOGIN
    assert sign_in(client, staff, next="/admin/").url == "/admin/"
    client.force_login(viewer)
    assert client.get("/admin/", follow=True).status_code == 403


def test_a_token_is_shown_once(client, viewer):
    client.force_login(viewer)
    url = reverse("accounts:api_tokens")
    answer = client.post(url, {"name": "billing", "ends": "90"})
    token = ApiToken.objects.get(user=viewer)
    key = answer.context["key"]
    assert key.startswith(token.prefix)
    assert key in answer.content.decode()
    assert answer["Cache-Control"] == "no-store"
    assert key not in client.get(url).content.decode()


def test_a_revoked_token_stays_listed(client, viewer):
    client.force_login(viewer)
    client.post(reverse("accounts:api_tokens"), {"name": "billing", "ends": "never"})
    token = ApiToken.objects.get()
    client.post(reverse("accounts:api_token_revoke", args=[token.prefix]))
    assert "Revoked" in client.get(reverse("accounts:api_tokens")).content.decode()
