"""The Celery application. A task is a hint, never a fact: what must happen is a database row first."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cpms.settings.base")

app = Celery("cpms")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["accounts", "chargers", "sessions", "operations", "maintenance", "ocpp_gateway"])
