"""Delete data that is older than its retention period."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from accounts.mails.services.mails import delete_old_mails
from accounts.profile.services.address_changes import delete_old_address_changes
from accounts.sign_in.services.browsers import delete_old_browsers
from chargers.events.services import delete_old_events
from maintenance.connections.models import Deviation, RefusedConnection, UnnamedProxy
from maintenance.messages.services.partitions import drop_old_messages, prepare_partitions
from maintenance.notifications.models import AlarmMail


def purge_expired_rows() -> None:
    """Create the next partitions of the message log, and delete expired rows. Runs once an hour."""
    prepare_partitions()
    drop_old_messages()
    limit = timezone.now() - timedelta(days=90)
    RefusedConnection.objects.filter(last_at__lt=limit).delete()
    Deviation.objects.filter(last_at__lt=limit).delete()
    UnnamedProxy.objects.filter(last_at__lt=limit).delete()
    AlarmMail.objects.filter(created_at__lt=limit).delete()
    delete_old_events()
    delete_old_mails()
    delete_old_address_changes()
    delete_old_browsers()
