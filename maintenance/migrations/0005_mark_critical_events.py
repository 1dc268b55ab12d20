"""Critical events that were stored before there were alarms become alerts; no mail is written about the past."""

from django.db import migrations
from django.db.models import F
from django.db.models.functions import Lower

CRITICAL = [
    "firmwareupdated",
    "settingsystemtime",
    "startupofthedevice",
    "resetorreboot",
    "securitylogwascleared",
    "memoryexhaustion",
    "tamperdetectionactivated",
    "maintenanceloginaccepted",
    "maintenanceloginfailed",
]


def mark(apps, schema_editor):
    events = apps.get_model("maintenance", "SecurityEvent").objects.annotate(name=Lower("type"))
    events.filter(name__in=CRITICAL).update(is_critical=True, notified_at=F("received_at"))


class Migration(migrations.Migration):
    dependencies = [("maintenance", "0004_alarm_on_security_events")]
    operations = [migrations.RunPython(mark, migrations.RunPython.noop)]
