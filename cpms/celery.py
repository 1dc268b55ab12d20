"""The Celery application. A task is a hint, never a fact: what must happen is a database row first."""

import os
from typing import Any

from celery import Celery, signals
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cpms.settings.base")

app = Celery("cpms")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf["CELERY_DB_REUSE_MAX"] = 10**12  # otherwise Celery closes the whole connection pool around every task
app.autodiscover_tasks(["accounts", "chargers", "sessions", "operations", "maintenance", "ocpp_gateway"])


@signals.setup_logging.connect
def _disable_celery_logging(**_kwargs: Any) -> None:
    """Keep our logging: Celery configures its own only if no function is connected to this signal."""


@signals.celeryd_init.connect
def _set_up_worker(**_kwargs: Any) -> None:
    from celery.apps import worker

    from cpms.common.messaging import mail
    from cpms.common.observability import logs

    if settings.LOG_FORMAT == logs.JSON:
        worker.safe_say = logs.log_json  # type: ignore[attr-defined]  # Celery prints its shutdown messages with it
    mail.warn_about_console()


@signals.task_prerun.connect
@signals.task_postrun.connect
def _keep_connections_fresh(sender: Any = None, **_kwargs: Any) -> None:
    """Close unusable connections around a task, as Celery does, but keep those that still work."""
    from django.db import close_old_connections

    if not getattr(sender.request, "is_eager", False):
        close_old_connections()
