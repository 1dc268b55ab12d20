"""Tags that were valid at listed stations only get the scope that says so."""

from django.db import migrations


def select_scoped_stations(apps, schema_editor):
    tags = apps.get_model("chargers", "Tag")
    tags.objects.filter(pk__in=tags.stations.through.objects.values("tag_id")).update(scope="selected")


class Migration(migrations.Migration):
    dependencies = [("chargers", "0006_add_tag_scope")]
    operations = [migrations.RunPython(select_scoped_stations, migrations.RunPython.noop)]
