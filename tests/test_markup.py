"""Markup that somebody wrote into a text is shown as text, on every page of portal and admin."""

import pytest
from django.db import models
from django.test import Client

from tests.routes import FOUND, address, line_of, rows  # noqa: F401

pytestmark = pytest.mark.walk
MARKUP = "<i>&x</i>"
# What the database itself holds to other forms, and what is a page's or a mail's own HTML.
LEFT_OUT = {"handle", "identity", "hashed_key", "html", "key", "prefix", "protocol", "language", "domain"}
LEFT_OUT |= {"password", "password_hash", "next_password_hash"}


def texts_of(row):
    for field in row._meta.concrete_fields:
        is_text = isinstance(field, models.CharField | models.TextField) and not isinstance(
            field, models.EmailField | models.URLField | models.SlugField
        )
        roomy = field.max_length is None or field.max_length >= len(MARKUP)
        if is_text and roomy and not field.choices and not field.primary_key and field.name not in LEFT_OUT:
            yield field


@pytest.fixture
def marked(one_of_each):
    count = 0
    for label, row in one_of_each.items():
        if label == "accounts.AuditEntry":  # nobody changes it; markup comes in it with the rows below
            continue
        if fields := list(texts_of(row)):
            type(row)._base_manager.filter(pk=row.pk).update(**{field.name: MARKUP for field in fields})
            count += len(fields)
    assert count > 60
    return one_of_each


@pytest.mark.parametrize(("who", "is_admin"), [("administrator", False), ("staff", True)])
def test_no_page_takes_a_text_for_markup(marked, rows, request, who, is_admin):  # noqa: F811
    client, shown, odd = Client(), 0, []
    client.force_login(request.getfixturevalue(who))
    for name in FOUND:
        is_its = name.startswith("admin") == is_admin and not name.startswith("api:")
        if not is_its or "GET" not in (line_of(name) or {}):
            continue
        response = client.get(address(name, rows))
        if response.streaming or response.status_code != 200:
            continue
        shown += b"&lt;i&gt;&amp;x" in response.content
        if MARKUP.encode() in response.content and "json" not in response["Content-Type"]:
            odd.append(name)
    assert odd == []
    assert shown > 30
