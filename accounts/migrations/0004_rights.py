"""What is granted, which needs stations and installations."""

import django.db.models.deletion
import django.db.models.functions.comparison
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_begin'),
        ('chargers', '0001_begin'),
    ]

    operations = [
        migrations.CreateModel(
            name='Grant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('owner', 'Owner'), ('service', 'Service'), ('user', 'User')], max_length=10, verbose_name='role')),
                ('ends_at', models.DateTimeField(blank=True, null=True, verbose_name='ends')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='given')),
                ('withdrawn_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='withdrawn')),
                ('created_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='given by')),
                ('installation', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='grants', to='chargers.installation', verbose_name='installation')),
                ('station', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='grants', to='chargers.chargingstation', verbose_name='station')),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='grants', to=settings.AUTH_USER_MODEL, verbose_name='person')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='grants_given', to='accounts.team', verbose_name='team')),
                ('to_team', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='grants_held', to='accounts.team', verbose_name='to team')),
            ],
            options={
                'verbose_name': 'grant',
                'verbose_name_plural': 'grants',
                'ordering': ['-id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('installation__isnull', True), ('station__isnull', True), _connector='XOR'), name='grant_on_one_thing'), models.CheckConstraint(condition=models.Q(('user__isnull', True), ('to_team__isnull', True), _connector='XOR'), name='grant_to_one'), models.CheckConstraint(condition=models.Q(('role__in', ['owner', 'service', 'user'])), name='grant_role_known'), models.UniqueConstraint(django.db.models.functions.comparison.Coalesce('installation', 0), django.db.models.functions.comparison.Coalesce('station', 0), django.db.models.functions.comparison.Coalesce('user', 0), django.db.models.functions.comparison.Coalesce('to_team', 0), models.F('role'), condition=models.Q(('withdrawn_at__isnull', True)), name='grant_given_once')],
            },
        ),
    ]
