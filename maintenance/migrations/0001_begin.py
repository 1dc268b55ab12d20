"""The inbox, messages, refused connections, deviations, events and notifications."""

import django.db.models.deletion
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
            name='AlarmMail',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='written')),
                ('next_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='next attempt')),
                ('attempts', models.PositiveSmallIntegerField(default=0, verbose_name='attempts')),
                ('sent_at', models.DateTimeField(blank=True, null=True, verbose_name='sent')),
                ('error', models.TextField(blank=True, verbose_name='error')),
                ('subject', models.CharField(max_length=200, verbose_name='subject')),
                ('body', models.TextField(verbose_name='text')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.team', verbose_name='team')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='person')),
            ],
            options={
                'verbose_name': 'alarm mail',
                'verbose_name_plural': 'alarm mails',
                'ordering': ['-id'],
                'indexes': [models.Index(condition=models.Q(('sent_at__isnull', True)), fields=['next_at'], name='alarm_mail_to_send'), models.Index(fields=['team', '-created_at'], name='alarm_mail_team_newest')],
            },
        ),
        migrations.CreateModel(
            name='CertificateRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('csr', models.TextField(verbose_name='request (PEM)')),
                ('digest', models.CharField(editable=False, max_length=64)),
                ('received_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='received')),
                ('station', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='certificate_requests', to='chargers.chargingstation', verbose_name='station')),
            ],
            options={
                'verbose_name': 'certificate request',
                'verbose_name_plural': 'certificate requests',
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(fields=('station', 'digest'), name='certificate_request_once')],
            },
        ),
        migrations.CreateModel(
            name='Deviation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('action', models.CharField(blank=True, max_length=60, verbose_name='action')),
                ('code', models.CharField(blank=True, max_length=60, verbose_name='answer')),
                ('what', models.CharField(blank=True, max_length=120, verbose_name='rule')),
                ('count', models.PositiveBigIntegerField(default=1, verbose_name='times')),
                ('first_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='first')),
                ('last_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='last')),
                ('station', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='deviations', to='chargers.chargingstation', verbose_name='station')),
            ],
            options={
                'verbose_name': 'deviation',
                'verbose_name_plural': 'deviations',
                'ordering': ['-last_at', '-id'],
                'indexes': [models.Index(fields=['-last_at'], name='deviation_newest')],
                'constraints': [models.UniqueConstraint(fields=('station', 'action', 'code', 'what'), name='deviation_counted')],
            },
        ),
        migrations.CreateModel(
            name='Happening',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=80, unique=True, verbose_name='key')),
                ('at', models.DateTimeField(db_index=True, default=django.utils.timezone.now, verbose_name='told')),
            ],
            options={
                'verbose_name': 'happening',
                'verbose_name_plural': 'happenings',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='InboxEntry',
            fields=[
                ('message_id', models.BigIntegerField(primary_key=True, serialize=False, verbose_name='message')),
                ('shard', models.PositiveSmallIntegerField(verbose_name='shard')),
                ('protocol', models.CharField(default='1.6', max_length=8, verbose_name='protocol')),
                ('received_at', models.DateTimeField(verbose_name='received')),
                ('failed_at', models.DateTimeField(blank=True, null=True, verbose_name='failed')),
                ('error', models.TextField(blank=True, verbose_name='error')),
                ('station', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='chargers.chargingstation', verbose_name='station')),
            ],
            options={
                'verbose_name': 'inbox entry',
                'verbose_name_plural': 'inbox',
                'ordering': ['message_id'],
                'indexes': [models.Index(condition=models.Q(('failed_at__isnull', True)), fields=['shard', 'message_id'], name='inbox_waiting'), models.Index(condition=models.Q(('failed_at__isnull', False)), fields=['failed_at'], name='inbox_failed')],
            },
        ),
        migrations.CreateModel(
            name='InboxShard',
            fields=[
                ('number', models.PositiveSmallIntegerField(primary_key=True, serialize=False)),
                ('drained_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'verbose_name': 'inbox shard',
                'verbose_name_plural': 'inbox shards',
            },
        ),
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('received_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='time')),
                ('direction', models.CharField(choices=[('in', 'from the station'), ('out', 'to the station')], max_length=3, verbose_name='direction')),
                ('action', models.CharField(blank=True, max_length=60, verbose_name='action')),
                ('message_id', models.CharField(blank=True, max_length=64, verbose_name='message id')),
                ('payload', models.TextField(blank=True, verbose_name='payload')),
                ('answer', models.TextField(blank=True, verbose_name='answer')),
                ('error_code', models.CharField(blank=True, max_length=60, verbose_name='error')),
                ('epoch', models.BigIntegerField(default=0, verbose_name='connection epoch')),
                ('station', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='chargers.chargingstation', verbose_name='station')),
            ],
            options={
                'verbose_name': 'message',
                'verbose_name_plural': 'messages',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['station', '-id'], name='message_station_newest'), models.Index(fields=['-received_at', '-id'], name='message_newest'), models.Index(condition=models.Q(('error_code', ''), _negated=True), fields=['-id'], include=('station', 'received_at'), name='message_error'), models.Index(condition=models.Q(('direction', 'out')), fields=['-id'], include=('station', 'received_at'), name='message_to_station'), models.Index(condition=models.Q(('action__in', ['Heartbeat', 'MeterValues']), _negated=True), fields=['action', '-id'], include=('station', 'received_at'), name='message_rare_action')],
            },
        ),
        migrations.CreateModel(
            name='Notification',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('alarm', 'Security'), ('fault', 'Fault'), ('away', 'Offline'), ('grant', 'Access')], max_length=10, verbose_name='kind')),
                ('key', models.CharField(editable=False, max_length=100)),
                ('parameters', models.JSONField(blank=True, default=dict, verbose_name='facts')),
                ('link', models.CharField(blank=True, max_length=200, verbose_name='page')),
                ('created_at', models.DateTimeField(db_index=True, default=django.utils.timezone.now, verbose_name='time')),
                ('read_at', models.DateTimeField(blank=True, null=True, verbose_name='read')),
                ('station', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='chargers.chargingstation', verbose_name='station')),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='notifications', to=settings.AUTH_USER_MODEL, verbose_name='person')),
            ],
            options={
                'verbose_name': 'notification',
                'verbose_name_plural': 'notifications',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['user', '-id'], name='notification_newest'), models.Index(condition=models.Q(('read_at__isnull', True)), fields=['user'], name='notification_unread')],
                'constraints': [models.UniqueConstraint(fields=('user', 'key'), name='notification_once')],
            },
        ),
        migrations.CreateModel(
            name='NotificationChoice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('alarm', 'Security'), ('fault', 'Fault'), ('away', 'Offline'), ('grant', 'Access')], max_length=10, verbose_name='kind')),
                ('bell', models.BooleanField(default=True, verbose_name='at the bell')),
                ('mail', models.BooleanField(default=True, verbose_name='by mail')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notification_choices', to=settings.AUTH_USER_MODEL, verbose_name='person')),
            ],
            options={
                'verbose_name': 'choice of notifications',
                'verbose_name_plural': 'choices of notifications',
                'constraints': [models.UniqueConstraint(fields=('user', 'kind'), name='notification_choice_once')],
            },
        ),
        migrations.CreateModel(
            name='ProgressReport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('job', models.CharField(choices=[('firmware', 'Firmware update'), ('signed_firmware', 'Signed firmware update'), ('diagnostics', 'Diagnostics upload'), ('log', 'Log upload')], max_length=16, verbose_name='job')),
                ('status', models.CharField(max_length=40, verbose_name='status')),
                ('request_id', models.BigIntegerField(blank=True, null=True, verbose_name='request')),
                ('received_at', models.DateTimeField(verbose_name='received')),
                ('message_id', models.BigIntegerField(editable=False, unique=True)),
                ('station', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='progress_reports', to='chargers.chargingstation', verbose_name='station')),
            ],
            options={
                'verbose_name': 'progress report',
                'verbose_name_plural': 'progress reports',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['station', 'job', '-id'], name='progress_station_newest')],
            },
        ),
        migrations.CreateModel(
            name='RefusedConnection',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cause', models.CharField(choices=[('unknown_path', 'The address is not an OCPP address'), ('unknown_identity', 'No station has this identity'), ('no_subprotocol', 'No OCPP version was offered'), ('wrong_subprotocol', 'None of the offered OCPP versions is spoken here'), ('no_credentials', 'No password was sent'), ('wrong_credentials', 'The password is wrong'), ('wrong_user', 'The user name is not the identity in the address'), ('two_credentials', 'Two Authorization headers were sent'), ('too_many_attempts', 'Too many wrong passwords'), ('storage', 'The database could not be written')], max_length=24, verbose_name='cause')),
                ('path', models.CharField(max_length=255, verbose_name='path')),
                ('identity', models.CharField(blank=True, max_length=48, verbose_name='identity')),
                ('remote_address', models.CharField(blank=True, max_length=64, verbose_name='address')),
                ('subprotocols', models.CharField(blank=True, max_length=255, verbose_name='offered versions')),
                ('authentication', models.CharField(blank=True, max_length=20, verbose_name='kind of authentication')),
                ('is_tls', models.BooleanField(default=False, verbose_name='encrypted')),
                ('user_agent', models.CharField(blank=True, max_length=255, verbose_name='client')),
                ('hour', models.DateTimeField(editable=False)),
                ('first_at', models.DateTimeField(verbose_name='first')),
                ('last_at', models.DateTimeField(verbose_name='last')),
                ('count', models.PositiveIntegerField(default=1, verbose_name='times')),
                ('station', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='chargers.chargingstation', verbose_name='station')),
            ],
            options={
                'verbose_name': 'refused connection',
                'verbose_name_plural': 'refused connections',
                'ordering': ['-last_at'],
                'indexes': [models.Index(fields=['-last_at'], name='refusal_newest'), models.Index(fields=['cause', '-last_at'], name='refusal_cause_newest')],
                'constraints': [models.UniqueConstraint(fields=('cause', 'path', 'remote_address', 'hour'), name='refusal_counted_once_an_hour')],
            },
        ),
        migrations.CreateModel(
            name='SecurityEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('type', models.CharField(max_length=50, verbose_name='type')),
                ('at', models.DateTimeField(verbose_name='time')),
                ('tech_info', models.CharField(blank=True, max_length=255, verbose_name='technical information')),
                ('received_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='received')),
                ('is_critical', models.BooleanField(default=False, verbose_name='critical')),
                ('notified_at', models.DateTimeField(blank=True, null=True, verbose_name='mails written')),
                ('acknowledged_at', models.DateTimeField(blank=True, null=True, verbose_name='acknowledged')),
                ('acknowledged_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='acknowledged by')),
                ('station', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='security_events', to='chargers.chargingstation', verbose_name='station')),
            ],
            options={
                'verbose_name': 'security event',
                'verbose_name_plural': 'security events',
                'ordering': ['-id'],
                'indexes': [models.Index(condition=models.Q(('acknowledged_at__isnull', True), ('is_critical', True)), fields=['station', '-id'], name='security_event_alert'), models.Index(condition=models.Q(('is_critical', True), ('notified_at__isnull', True)), fields=['id'], name='security_event_to_notify')],
                'constraints': [models.UniqueConstraint(fields=('station', 'type', 'at', 'tech_info'), name='security_event_once')],
            },
        ),
        migrations.CreateModel(
            name='StationLink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('epoch', models.PositiveBigIntegerField(verbose_name='epoch')),
                ('node', models.CharField(max_length=80, verbose_name='node')),
                ('remote_address', models.CharField(blank=True, max_length=64, verbose_name='address')),
                ('subprotocol', models.CharField(blank=True, max_length=20, verbose_name='subprotocol')),
                ('opened_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='opened')),
                ('closed_at', models.DateTimeField(blank=True, null=True, verbose_name='closed')),
                ('close_code', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='close code')),
                ('station', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='links', to='chargers.chargingstation', verbose_name='station')),
            ],
            options={
                'verbose_name': 'connection',
                'verbose_name_plural': 'connections',
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(fields=('station', 'epoch'), name='link_epoch_once')],
            },
        ),
    ]
