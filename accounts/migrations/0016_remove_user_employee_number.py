from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0015_move_employee_numbers")]
    operations = [migrations.RemoveField(model_name="user", name="employee_number")]
