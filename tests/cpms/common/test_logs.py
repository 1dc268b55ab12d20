"""Logs contain route names and object ids but no paths or query strings; in JSON format every line is valid JSON."""

import io
import json
import logging
import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from chargers.stations import views
from cpms.common.messaging import mail
from cpms.common.observability.logs import WithoutPaths, json_formatter

SECRET = "c0ffee-5ec4e7-1f0r-nobody"
FAILING = [
    lambda: reverse("account_reset_password_from_key", kwargs={"uidb36": "1", "key": SECRET}),
    lambda: reverse("accounts:email_confirm", args=[SECRET]),
    lambda: reverse("accounts:invitation", args=[SECRET]),
    lambda: f"/no/such/page/{SECRET}",
    lambda: f"/api/v1/stations/?cursor={SECRET}",
    lambda: f"/api/v1/nothing/{SECRET}",
    lambda: f"{reverse('accounts:login')}?next=/{SECRET}",
]


@pytest.fixture
def lines():
    """Return a function that reads the JSON log lines of this process."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(json_formatter())
    handler.addFilter(WithoutPaths())
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    quiet = [logging.getLogger(name) for name in ("django.request", "django.server", "django_structlog")]
    for logger in quiet:
        logger.setLevel(logging.DEBUG)
    try:
        yield lambda: [json.loads(line) for line in out.getvalue().splitlines()]
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        for logger in quiet:
            logger.setLevel(settings.LOGGING["loggers"][logger.name]["level"])


@pytest.mark.parametrize("url", FAILING)
@pytest.mark.parametrize("method", ["get", "post"])
def test_no_line_holds_a_secret_of_a_path_or_a_query(db, lines, url, method):
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    getattr(client, method)(url(), HTTP_REFERER=f"http://testserver/{SECRET}")
    client.get(url(), HTTP_HOST="attacker.example")
    assert len(lines()) >= 3
    assert not [line for line in lines() if SECRET in json.dumps(line)]


def test_a_line_names_the_route_and_the_key_of_the_object(client, viewer, station, lines):
    client.force_login(viewer)
    client.post(reverse("chargers:station_edit", args=[station.pk]))
    rows = [line for line in lines() if line["event"] == "request_finished"]
    assert [(line["request"], line["code"]) for line in rows] == [(f"POST chargers:station_edit pk={station.pk}", 403)]


def test_a_403_is_one_line_without_a_stack(client, viewer, station, lines):
    logging.getLogger("django.request").setLevel(logging.ERROR)  # as in the settings
    logging.getLogger("django_structlog").setLevel(logging.WARNING)
    logging.getLogger().setLevel(logging.INFO)
    client.force_login(viewer)
    client.post(reverse("chargers:station_edit", args=[station.pk]))
    (line,) = lines()
    assert line["code"] == 403 and line["level"] == "warning" and "exception" not in line


def test_a_500_has_one_stack_and_no_path(client, viewer, station, lines, monkeypatch):

    def fail(*args, **kwargs):
        raise RuntimeError("broken")

    logging.getLogger("django_structlog").setLevel(logging.WARNING)
    client.raise_request_exception = False
    monkeypatch.setattr(views.StationListView, "get", fail)
    client.force_login(viewer)
    assert client.get(reverse("chargers:station_list"), {"q": SECRET}).status_code == 500
    stacks = [line for line in lines() if "exception" in line]
    assert len(stacks) == 1 and "RuntimeError: broken" in stacks[0]["exception"]
    assert stacks[0]["route"] == "GET chargers:station_list" and SECRET not in json.dumps(lines())


@pytest.mark.parametrize(
    ("backend", "debug", "warns"),
    [("console", False, True), ("console", True, False), ("smtp", False, False), ("filebased", False, False)],
)
def test_mails_that_only_reach_the_log_are_warned_about(settings, caplog, backend, debug, warns):
    settings.EMAIL_BACKEND, settings.DEBUG = f"django.core.mail.backends.{backend}.EmailBackend", debug
    mail.warn_about_console()
    assert ("EMAIL_URL" in caplog.text) == warns


def run(*arguments, **env):
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=settings.BASE_DIR,
        env={"PATH": os.environ["PATH"], "LOG_FORMAT": "json", "DJANGO_SETTINGS_MODULE": "cpms.settings.base"} | env,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return [json.loads(line) for line in (done.stdout + done.stderr).splitlines()]


@pytest.mark.processes
@pytest.mark.parametrize(
    "arguments",
    [
        ("manage.py", "gateway", "--port", "1"),
        ("manage.py", "serve"),
        ("-m", "daphne", "-v", "0", "cpms.asgi:portal"),
        ("-m", "celery", "-q", "-A", "cpms", "worker"),
        ("-m", "celery", "-q", "-A", "cpms", "beat"),
    ],
)
def test_a_wrong_setting_is_said_in_json_by_every_process(arguments, tmp_path):
    lines = run(*arguments, INBOX_SHARDS="many", VAR_DIR=str(tmp_path))
    assert any("INBOX_SHARDS" in line["event"] for line in lines)


@pytest.mark.processes
def test_a_taken_port_a_warning_and_a_dying_thread_are_said_in_json(tmp_path):
    (line,) = run("manage.py", "gateway", "--port", "1", "--host", "192.0.2.1", VAR_DIR=str(tmp_path))
    assert line["level"] == "critical" and "Cannot listen" in line["event"]
    code = (
        "import django, warnings, threading; django.setup(); warnings.warn('old way'); "
        "thread = threading.Thread(target=lambda: 1 / 0); thread.start(); thread.join(); raise RuntimeError('the end')"
    )
    lines = run("-c", code, VAR_DIR=str(tmp_path))
    assert [line["logger"] for line in lines] == ["py.warnings", "cpms", "cpms"]
    assert "ZeroDivisionError" in lines[1]["exception"] and "the end" in lines[2]["event"]
