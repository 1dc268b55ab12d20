from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("charging_sessions", "0003_close_double_open_sessions")]

    operations = [
        migrations.AddConstraint(
            model_name='chargingsession',
            constraint=models.UniqueConstraint(condition=models.Q(('connector_number__gt', 0), ('stopped_at__isnull', True)), fields=('station', 'connector_number'), name='session_one_open_per_connector'),
        ),
    ]
