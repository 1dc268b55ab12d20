"""A connector has one open session at most; of several, all but the newest are closed with their last reading."""

from django.db import migrations


def close_all_but_newest(apps, schema_editor):
    sessions = apps.get_model("charging_sessions", "ChargingSession").objects
    newest = set()
    for session in sessions.filter(stopped_at=None, connector_number__gt=0).order_by("-started_at", "-pk"):
        place = session.station_id, session.connector_number
        if place not in newest:
            newest.add(place)
            continue
        session.stopped_at = max(session.last_sample_at or session.started_at, session.started_at)
        last = session.last_register_wh if session.last_register_wh is not None else session.meter_start_wh
        session.meter_stop_wh, session.closed_by = last, "superseded"
        session.flags, session.has_flags = [*session.flags, "superseded"], True
        session.save(update_fields=["stopped_at", "meter_stop_wh", "closed_by", "flags", "has_flags"])


class Migration(migrations.Migration):
    dependencies = [("charging_sessions", "0002_read_what_stations_send")]
    operations = [migrations.RunPython(close_all_but_newest, migrations.RunPython.noop)]
