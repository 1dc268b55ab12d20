"""Charging sessions and what meters read."""

import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_begin'),
        ('chargers', '0001_begin'),
    ]

    operations = [
        migrations.CreateModel(
            name='ChargingSession',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('connector_number', models.PositiveIntegerField(default=0, verbose_name='connector')),
                ('id_tag', models.CharField(blank=True, max_length=36, verbose_name='id tag')),
                ('authorization', models.CharField(default='Accepted', max_length=20, verbose_name='authorization')),
                ('is_billable', models.BooleanField(default=True, verbose_name='billable')),
                ('started_at', models.DateTimeField(verbose_name='start')),
                ('start_received_at', models.DateTimeField(blank=True, null=True, verbose_name='start received')),
                ('meter_start_wh', models.BigIntegerField(blank=True, null=True, verbose_name='meter start (Wh)')),
                ('stopped_at', models.DateTimeField(blank=True, null=True, verbose_name='end')),
                ('stop_received_at', models.DateTimeField(blank=True, null=True, verbose_name='end received')),
                ('meter_stop_wh', models.BigIntegerField(blank=True, null=True, verbose_name='meter end (Wh)')),
                ('stop_reason', models.CharField(blank=True, max_length=40, verbose_name='reason')),
                ('stop_id_tag', models.CharField(blank=True, max_length=36, verbose_name='id tag at the end')),
                ('closed_by', models.CharField(blank=True, choices=[('station', 'Station'), ('superseded', 'Next session'), ('rule', 'Rule')], max_length=12, verbose_name='closed by')),
                ('reported_transaction_id', models.BigIntegerField(blank=True, editable=False, null=True)),
                ('energy_wh', models.BigIntegerField(default=0, verbose_name='energy (Wh)')),
                ('last_register_wh', models.BigIntegerField(blank=True, editable=False, null=True)),
                ('last_sample_at', models.DateTimeField(blank=True, null=True, verbose_name='last reading')),
                ('power_w', models.IntegerField(blank=True, null=True, verbose_name='power (W)')),
                ('max_power_w', models.IntegerField(blank=True, null=True, verbose_name='highest power (W)')),
                ('state_of_charge', models.DecimalField(blank=True, decimal_places=1, max_digits=5, null=True, verbose_name='state of charge (%)')),
                ('sample_count', models.PositiveIntegerField(default=0, verbose_name='sampled values')),
                ('flags', models.JSONField(blank=True, default=list, verbose_name='flags')),
                ('has_flags', models.BooleanField(default=False, editable=False, verbose_name='needs a look')),
                ('station', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='charging_sessions', to='chargers.chargingstation', verbose_name='station')),
                ('tag', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='charging_sessions', to='chargers.tag', verbose_name='tag')),
                ('team', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='charging_sessions', to='accounts.team', verbose_name='team')),
            ],
            options={
                'verbose_name': 'charging session',
                'verbose_name_plural': 'charging sessions',
                'ordering': ['-started_at', '-id'],
                'indexes': [models.Index(fields=['team', '-started_at'], name='session_team_newest'), models.Index(fields=['station', '-started_at'], name='session_station_newest'), models.Index(condition=models.Q(('stopped_at__isnull', True)), fields=['station'], name='session_open'), models.Index(fields=['tag', '-started_at'], name='session_tag_newest'), models.Index(fields=['-started_at'], name='session_newest'), models.Index(condition=models.Q(('has_flags', True)), fields=['team', '-started_at'], name='session_flagged'), models.Index(condition=models.Q(('has_flags', True)), fields=['-started_at', '-id'], include=('team',), name='session_flagged_newest'), models.Index(django.db.models.functions.text.Upper('id_tag'), models.OrderBy(models.F('started_at'), descending=True), name='session_id_tag_newest'), models.Index(condition=models.Q(('closed_by__in', ['superseded', 'rule'])), fields=['closed_by', '-started_at'], name='session_closed_by_us'), models.Index(condition=models.Q(('is_billable', False)), fields=['-started_at'], name='session_not_billable')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('start_received_at__isnull', False)), fields=('station', 'connector_number', 'id_tag', 'started_at', 'meter_start_wh'), name='session_start_once'), models.UniqueConstraint(condition=models.Q(('reported_transaction_id__isnull', False)), fields=('station', 'reported_transaction_id', 'stopped_at', 'meter_stop_wh'), name='session_foreign_stop_once'), models.CheckConstraint(condition=models.Q(('energy_wh__gte', 0)), name='session_energy_not_negative')],
            },
        ),
        migrations.CreateModel(
            name='MeterReading',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('connector_number', models.PositiveIntegerField(verbose_name='connector')),
                ('at', models.DateTimeField(verbose_name='time')),
                ('values', models.JSONField(verbose_name='sampled values')),
                ('energy_wh', models.BigIntegerField(blank=True, null=True, verbose_name='register (Wh)')),
                ('power_w', models.IntegerField(blank=True, null=True, verbose_name='power (W)')),
                ('offered_w', models.IntegerField(blank=True, null=True, verbose_name='offered (W)')),
                ('current_ma', models.JSONField(blank=True, null=True, verbose_name='current per phase (mA)')),
                ('state_of_charge', models.DecimalField(blank=True, decimal_places=1, max_digits=5, null=True, verbose_name='state of charge (%)')),
                ('reported_transaction_id', models.BigIntegerField(blank=True, editable=False, null=True)),
                ('session', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='readings', to='charging_sessions.chargingsession', verbose_name='session')),
                ('station', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='chargers.chargingstation', verbose_name='station')),
            ],
            options={
                'verbose_name': 'meter reading',
                'verbose_name_plural': 'meter readings',
                'ordering': ['-id'],
                'indexes': [models.Index(condition=models.Q(('reported_transaction_id__isnull', False), ('session__isnull', True)), fields=['station', 'reported_transaction_id'], name='reading_of_unknown_session'), models.Index(fields=['station', '-id'], name='reading_station_newest'), models.Index(fields=['-at'], name='reading_newest')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('session__isnull', False)), fields=('session', 'at'), name='reading_once_per_session'), models.UniqueConstraint(condition=models.Q(('session__isnull', True)), fields=('station', 'connector_number', 'at'), name='reading_once_per_connector')],
            },
        ),
        migrations.CreateModel(
            name='TeamPower',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('power_w', models.BigIntegerField()),
                ('session_count', models.PositiveIntegerField()),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='power', to='accounts.team')),
            ],
            options={
                'verbose_name': 'power of a team',
                'verbose_name_plural': 'power of teams',
                'indexes': [models.Index(fields=['at'], name='team_power_at')],
                'constraints': [models.UniqueConstraint(fields=('team', 'at'), name='team_power_once_a_minute')],
            },
        ),
    ]
