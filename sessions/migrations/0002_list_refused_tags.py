"""List the tags of sessions that were refused before refused tags were listed."""

from django.db import migrations
from django.db.models import Count, Max, Min
from django.db.models.functions import Upper

REASONS = {"Blocked": "blocked", "Expired": "expired"}
BATCH_SIZE = 500


def list_refused_tags(apps, schema_editor):
    sessions, refused = apps.get_model("charging_sessions", "ChargingSession"), apps.get_model("chargers", "RefusedTag")
    rows = sessions.objects.filter(is_billable=False, team__isnull=False).exclude(id_tag="")
    rows = rows.exclude(authorization__in=["Accepted", "ConcurrentTx"]).order_by()
    groups = (
        rows.annotate(upper=Upper("id_tag"))
        .values("team_id", "upper")
        .annotate(
            first=Min("started_at"),
            last=Max("started_at"),
            times=Count("pk"),
            newest=Max("pk"),
        )
    )
    found = list(groups)
    for start in range(0, len(found), BATCH_SIZE):
        batch = found[start : start + BATCH_SIZE]
        newest = sessions.objects.in_bulk([group["newest"] for group in batch])
        refused.objects.bulk_create(
            refused(
                team_id=group["team_id"],
                value=newest[group["newest"]].id_tag,
                tag_id=newest[group["newest"]].tag_id,
                station_id=newest[group["newest"]].station_id,
                reason=_reason(newest[group["newest"]]),
                first_at=group["first"],
                last_at=group["last"],
                times=group["times"],
            )
            for group in batch
        )


def _reason(session):
    return REASONS.get(session.authorization, "unknown" if session.tag_id is None else "place")


class Migration(migrations.Migration):
    dependencies = [("charging_sessions", "0001_initial"), ("chargers", "0008_add_refused_tags")]
    operations = [migrations.RunPython(list_refused_tags, migrations.RunPython.noop)]
