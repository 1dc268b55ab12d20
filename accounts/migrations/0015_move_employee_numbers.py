"""The employee number is what one team calls a person: it moves to each of their memberships."""

from django.db import migrations
from django.db.models import OuterRef, Subquery


def to_memberships(apps, schema_editor):
    people = apps.get_model("accounts", "User").objects.filter(pk=OuterRef("user")).values("employee_number")[:1]
    apps.get_model("accounts", "Membership").objects.update(employee_number=Subquery(people))


class Migration(migrations.Migration):
    dependencies = [("accounts", "0014_add_membership_employee_number")]
    operations = [migrations.RunPython(to_memberships, migrations.RunPython.noop)]
