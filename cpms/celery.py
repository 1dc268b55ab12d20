"""The Celery application. A task is a hint, never a fact: what must happen is a database row first."""

import os
from typing import Any

from celery import Celery, signals
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cpms.settings.base")

app = Celery("cpms")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf["CELERY_DB_REUSE_MAX"] = 10**12  # else Celery closes the whole pool of connections around every task
app.autodiscover_tasks(["accounts", "chargers", "sessions", "operations", "maintenance", "ocpp_gateway"])


@signals.setup_logging.connect
def _disable_celery_logging(**_kwargs: Any) -> None:
    """Celery sets up none of its own where somebody answers this signal."""


@signals.celeryd_init.connect
def _set_up_worker(**_kwargs: Any) -> None:
    from celery.apps import worker

    from cpms.common.messaging import mail
    from cpms.common.observability import logs

    if settings.LOG_FORMAT == logs.JSON:
        worker.safe_say = logs.log_json  # type: ignore[attr-defined]  # it says by itself that it ends
    mail.warn_about_console()


@signals.task_prerun.connect
@signals.task_postrun.connect
def _keep_connections_fresh(sender: Any = None, **_kwargs: Any) -> None:
    """What Celery would do, but a connection that still works is kept."""
    from django.db import close_old_connections

    if not getattr(sender.request, "is_eager", False):
        close_old_connections()
