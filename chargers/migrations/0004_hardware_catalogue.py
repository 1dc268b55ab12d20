"""Fill the catalogue of hardware models."""

from django.db import migrations

from chargers.hardware.services.catalogue import CATALOGUE


def fill(apps, schema_editor):
    models = apps.get_model("chargers", "HardwareModel")
    connectors = apps.get_model("chargers", "HardwareConnector")
    for model in CATALOGUE:
        row = models.objects.create(vendor=model.vendor, name=model.name, quirks=model.quirks)
        connectors.objects.bulk_create(
            connectors(hardware_model=row, number=number, **plug._asdict())
            for number, plug in enumerate(model.plugs, start=1)
        )


class Migration(migrations.Migration):
    dependencies = [("chargers", "0003_circuits_hardware_and_ratings")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
