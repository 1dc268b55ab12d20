from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0013_add_sign_in_alarms")]
    operations = [
        migrations.AddField(
            model_name="membership",
            name="employee_number",
            field=models.CharField(
                blank=True, db_default="", default="", max_length=40, verbose_name="employee number"
            ),
        ),
    ]
