"""Commands."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('chargers', '0001_begin'),
        ('charging_sessions', '0001_begin'),
    ]

    operations = [
        migrations.CreateModel(
            name='Command',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('remote_start', 'Start session'), ('remote_stop', 'Stop session'), ('reset', 'Reset'), ('change_availability', 'Change availability'), ('unlock', 'Unlock connector'), ('trigger_message', 'Ask for a message'), ('get_configuration', 'Read configuration'), ('change_configuration', 'Change configuration'), ('clear_cache', 'Clear authorization cache'), ('data_transfer', 'Send vendor data'), ('raw', 'Other message')], max_length=24, verbose_name='kind')),
                ('parameters', models.JSONField(blank=True, default=dict, verbose_name='parameters')),
                ('state', models.CharField(choices=[('requested', 'Waiting'), ('sent', 'Sent'), ('accepted', 'Accepted'), ('confirmed', 'Done'), ('refused', 'Refused'), ('failed', 'Failed'), ('timed_out', 'No answer'), ('unknown', 'Outcome unknown'), ('expired', 'Expired')], default='requested', max_length=12, verbose_name='state')),
                ('requested_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='requested')),
                ('expires_at', models.DateTimeField(verbose_name='expires')),
                ('sent_at', models.DateTimeField(blank=True, null=True, verbose_name='sent')),
                ('sent_epoch', models.PositiveBigIntegerField(blank=True, editable=False, null=True)),
                ('message_id', models.CharField(blank=True, max_length=36, verbose_name='message id')),
                ('action', models.CharField(blank=True, max_length=60, verbose_name='action')),
                ('settled_at', models.DateTimeField(blank=True, null=True, verbose_name='settled')),
                ('answer', models.JSONField(blank=True, null=True, verbose_name='answer')),
                ('error_code', models.CharField(blank=True, max_length=60, verbose_name='error code')),
                ('error_description', models.CharField(blank=True, max_length=255, verbose_name='error')),
                ('confirmed_at', models.DateTimeField(blank=True, null=True, verbose_name='confirmed')),
                ('requested_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='requested by')),
                ('session', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='commands', to='charging_sessions.chargingsession', verbose_name='session')),
                ('station', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='commands', to='chargers.chargingstation', verbose_name='station')),
            ],
            options={
                'verbose_name': 'command',
                'verbose_name_plural': 'commands',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['station', '-id'], name='command_station_newest'), models.Index(condition=models.Q(('state__in', ['requested', 'sent'])), fields=['state', 'id'], name='command_unsettled'), models.Index(fields=['kind', 'sent_at'], name='command_recent'), models.Index(fields=['message_id'], name='command_message_id'), models.Index(fields=['kind', '-id'], name='command_kind_newest'), models.Index(fields=['state', '-id'], name='command_state_newest')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'sent')), fields=('station',), name='command_one_open_per_station')],
            },
        ),
    ]
