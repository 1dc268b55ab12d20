"""Installations, circuits, stations, connectors, tags and groups."""

import cpms.common.models
import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_begin'),
    ]

    operations = [
        migrations.CreateModel(
            name='GatewayNode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80, unique=True, verbose_name='name')),
                ('started_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='started')),
                ('alive_at', models.DateTimeField(db_index=True, default=django.utils.timezone.now, verbose_name='alive')),
            ],
            options={
                'verbose_name': 'gateway node',
                'verbose_name_plural': 'gateway nodes',
                'ordering': ['-alive_at'],
            },
        ),
        migrations.CreateModel(
            name='Installation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120, verbose_name='name')),
                ('street', models.CharField(blank=True, max_length=200, verbose_name='street and number')),
                ('postal_code', models.CharField(blank=True, max_length=20, verbose_name='postal code')),
                ('city', models.CharField(blank=True, max_length=120, verbose_name='city')),
                ('country', models.CharField(blank=True, help_text='Two letters, for example DE.', max_length=2, verbose_name='country')),
                ('contact_name', models.CharField(blank=True, max_length=160, verbose_name='contact')),
                ('contact_phone', models.CharField(blank=True, max_length=40, verbose_name="contact's phone")),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='created')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='installations', to='accounts.team', verbose_name='team')),
            ],
            options={
                'verbose_name': 'installation',
                'verbose_name_plural': 'installations',
                'ordering': ['name', 'pk'],
                'constraints': [models.UniqueConstraint(models.F('team'), django.db.models.functions.text.Upper('name'), name='installation_name_once_per_team'), models.CheckConstraint(condition=models.Q(('name', ''), _negated=True), name='installation_name_not_empty')],
            },
        ),
        migrations.CreateModel(
            name='Circuit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120, verbose_name='name')),
                ('max_current_a', models.PositiveIntegerField(help_text='Per phase.', verbose_name='fuse (A)')),
                ('phases', models.PositiveSmallIntegerField(choices=[(1, '1'), (3, '3')], default=3, verbose_name='phases')),
                ('parent', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='children', to='chargers.circuit', verbose_name='fed by')),
                ('installation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='circuits', to='chargers.installation', verbose_name='installation')),
            ],
            options={
                'verbose_name': 'circuit',
                'verbose_name_plural': 'circuits',
                'ordering': ['installation', 'name'],
                'constraints': [models.UniqueConstraint(fields=('installation', 'name'), name='circuit_name_once_per_installation'), models.CheckConstraint(condition=models.Q(('max_current_a__gte', 1)), name='circuit_fuse_from_one'), models.CheckConstraint(condition=models.Q(('phases__in', [1, 3])), name='circuit_one_or_three_phases'), models.CheckConstraint(condition=models.Q(('parent', models.F('pk')), _negated=True), name='circuit_not_fed_by_itself')],
            },
        ),
        migrations.CreateModel(
            name='ChargingStation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('deactivated_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='deactivated')),
                ('handed_over_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='handed over')),
                ('identity', models.CharField(max_length=48, unique=True, verbose_name='identity')),
                ('name', models.CharField(blank=True, help_text='Parking spot, house or row.', max_length=120, verbose_name='name')),
                ('protocol', models.CharField(choices=[('1.6', 'OCPP 1.6J')], default='1.6', max_length=8, verbose_name='protocol')),
                ('password', cpms.common.models.EncryptedField(blank=True, null=True, verbose_name='password')),
                ('password_hash', models.CharField(blank=True, editable=False, max_length=200)),
                ('next_password', cpms.common.models.EncryptedField(blank=True, null=True)),
                ('next_password_hash', models.CharField(blank=True, editable=False, max_length=200)),
                ('next_password_message_id', models.CharField(blank=True, editable=False, max_length=36)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='created')),
                ('registration', models.CharField(choices=[('new', 'Never booted'), ('accepted', 'Accepted'), ('pending', 'Pending'), ('rejected', 'Rejected')], default='new', max_length=10, verbose_name='registration')),
                ('vendor', models.CharField(blank=True, max_length=255, verbose_name='vendor')),
                ('model', models.CharField(blank=True, max_length=255, verbose_name='model')),
                ('serial_number', models.CharField(blank=True, max_length=255, verbose_name='serial number')),
                ('charge_box_serial_number', models.CharField(blank=True, max_length=255, verbose_name='charge box serial number')),
                ('firmware_version', models.CharField(blank=True, max_length=255, verbose_name='firmware')),
                ('iccid', models.CharField(blank=True, max_length=255, verbose_name='ICCID')),
                ('imsi', models.CharField(blank=True, max_length=255, verbose_name='IMSI')),
                ('meter_type', models.CharField(blank=True, max_length=255, verbose_name='meter type')),
                ('meter_serial_number', models.CharField(blank=True, max_length=255, verbose_name='meter serial number')),
                ('booted_at', models.DateTimeField(blank=True, null=True, verbose_name='booted')),
                ('boot_count', models.PositiveIntegerField(default=0, verbose_name='boots')),
                ('epoch', models.PositiveBigIntegerField(default=0, verbose_name='connection epoch')),
                ('remote_address', models.CharField(blank=True, max_length=64, verbose_name='address')),
                ('connected_at', models.DateTimeField(blank=True, null=True, verbose_name='connected')),
                ('disconnected_at', models.DateTimeField(blank=True, null=True, verbose_name='disconnected')),
                ('last_heard_at', models.DateTimeField(blank=True, null=True, verbose_name='last heard')),
                ('clock_offset_ms', models.BigIntegerField(blank=True, null=True, verbose_name='clock offset (ms)')),
                ('clock_measured_at', models.DateTimeField(blank=True, null=True, verbose_name='clock measured')),
                ('status', models.CharField(blank=True, max_length=20, verbose_name='status')),
                ('error_code', models.CharField(blank=True, max_length=60, verbose_name='error code')),
                ('status_changed_at', models.DateTimeField(blank=True, null=True, verbose_name='status changed')),
                ('team', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='stations', to='accounts.team', verbose_name='team')),
                ('circuit', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='stations', to='chargers.circuit', verbose_name='circuit')),
                ('node', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='stations', to='chargers.gatewaynode', verbose_name='node')),
                ('installation', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='stations', to='chargers.installation', verbose_name='installation')),
            ],
            options={
                'verbose_name': 'charging station',
                'verbose_name_plural': 'charging stations',
                'ordering': ['identity'],
                'indexes': [models.Index(fields=['team', 'identity'], name='station_team_identity'), models.Index(django.db.models.functions.text.Upper('identity'), name='station_identity_upper')],
                'constraints': [models.CheckConstraint(condition=models.Q(('identity', ''), _negated=True), name='station_identity_not_empty'), models.CheckConstraint(condition=models.Q(('password', None), ('password_hash', ''), _connector='OR'), name='station_password_in_one_form'), models.CheckConstraint(condition=models.Q(models.Q(('next_password', None), ('next_password_hash', '')), models.Q(models.Q(('next_password_message_id', ''), _negated=True), models.Q(('next_password', None), ('next_password_hash', ''), _connector='OR')), _connector='OR'), name='station_next_password_in_one_form'), models.CheckConstraint(condition=models.Q(('handed_over_at', None), models.Q(models.Q(('deactivated_at', None), _negated=True), ('next_password_message_id', ''), ('password', None), ('password_hash', '')), _connector='OR'), name='station_handed_over_never_returns')],
            },
        ),
        migrations.CreateModel(
            name='Connector',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(verbose_name='number')),
                ('status', models.CharField(blank=True, choices=[('Available', 'Available'), ('Preparing', 'Preparing'), ('Charging', 'Charging'), ('SuspendedEV', 'Suspended by the vehicle'), ('SuspendedEVSE', 'Suspended by the station'), ('Finishing', 'Finishing'), ('Reserved', 'Reserved'), ('Unavailable', 'Unavailable'), ('Faulted', 'Faulted')], max_length=20, verbose_name='status')),
                ('error_code', models.CharField(blank=True, max_length=60, verbose_name='error code')),
                ('info', models.CharField(blank=True, max_length=255, verbose_name='info')),
                ('vendor_error_code', models.CharField(blank=True, max_length=255, verbose_name="vendor's error code")),
                ('status_changed_at', models.DateTimeField(blank=True, null=True, verbose_name='status changed')),
                ('reported_at', models.DateTimeField(blank=True, null=True, verbose_name='last report')),
                ('station', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='connectors', to='chargers.chargingstation', verbose_name='station')),
            ],
            options={
                'verbose_name': 'connector',
                'verbose_name_plural': 'connectors',
                'ordering': ['station', 'number'],
                'constraints': [models.UniqueConstraint(fields=('station', 'number'), name='connector_number_once_per_station'), models.CheckConstraint(condition=models.Q(('number__gte', 1)), name='connector_number_from_one')],
            },
        ),
        migrations.CreateModel(
            name='Oddity',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('conflicting_stop', 'A second, different end of a session'), ('unknown_transaction', 'A transaction nobody knows'), ('poison', 'A message that could not be handled'), ('unreadable', 'A value that could not be read'), ('unknown_connector', 'A connector with a number no station has'), ('late_answer', 'An answer nobody waited for')], max_length=24, verbose_name='kind')),
                ('session_id', models.BigIntegerField(blank=True, db_index=True, null=True, verbose_name='session')),
                ('action', models.CharField(blank=True, max_length=60, verbose_name='action')),
                ('note', models.TextField(blank=True, verbose_name='what is odd')),
                ('payload', models.TextField(blank=True, verbose_name='as received')),
                ('digest', models.CharField(editable=False, max_length=64)),
                ('received_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='received')),
                ('station', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='oddities', to='chargers.chargingstation', verbose_name='station')),
            ],
            options={
                'verbose_name': 'oddity',
                'verbose_name_plural': 'oddities',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['station', '-received_at'], name='oddity_station_newest')],
                'constraints': [models.UniqueConstraint(fields=('station', 'kind', 'digest'), name='oddity_once')],
            },
        ),
        migrations.CreateModel(
            name='StationGroup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120, verbose_name='name')),
                ('stations', models.ManyToManyField(blank=True, related_name='groups', to='chargers.chargingstation', verbose_name='stations')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='station_groups', to=settings.AUTH_USER_MODEL, verbose_name='person')),
            ],
            options={
                'verbose_name': 'group',
                'verbose_name_plural': 'groups',
                'ordering': ['name'],
                'constraints': [models.UniqueConstraint(models.F('user'), django.db.models.functions.text.Upper('name'), name='group_name_once_per_person'), models.CheckConstraint(condition=models.Q(('name', ''), _negated=True), name='group_name_not_empty')],
            },
        ),
        migrations.CreateModel(
            name='Tag',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('value', models.CharField(max_length=36, verbose_name='value')),
                ('label', models.CharField(blank=True, max_length=120, verbose_name='label')),
                ('status', models.CharField(choices=[('accepted', 'Accepted'), ('blocked', 'Blocked')], default='accepted', max_length=10, verbose_name='status')),
                ('kind', models.CharField(choices=[('other', 'Other'), ('private', 'Private'), ('company', 'Company')], default='other', max_length=10, verbose_name='type')),
                ('expires_at', models.DateTimeField(blank=True, null=True, verbose_name='expires')),
                ('parent', models.CharField(blank=True, help_text='Tags of one parent act as one.', max_length=20, verbose_name='parent id')),
                ('allows_concurrent', models.BooleanField(default=False, help_text='May charge at several connectors at the same time.', verbose_name='several sessions at once')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='created')),
                ('stations', models.ManyToManyField(blank=True, help_text='Empty: at every station of the team.', related_name='scoped_tags', to='chargers.chargingstation', verbose_name='valid at')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tags', to='accounts.team', verbose_name='team')),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='tags', to=settings.AUTH_USER_MODEL, verbose_name='person')),
            ],
            options={
                'verbose_name': 'tag',
                'verbose_name_plural': 'tags',
                'ordering': ['value'],
                'indexes': [models.Index(django.db.models.functions.text.Upper('value'), name='tag_value_upper'), models.Index(fields=['value'], name='tag_value')],
                'constraints': [models.UniqueConstraint(models.F('team'), django.db.models.functions.text.Upper('value'), name='tag_value_once_per_team_in_any_case'), models.CheckConstraint(condition=models.Q(('value', ''), _negated=True), name='tag_value_not_empty'), models.CheckConstraint(condition=models.Q(('kind__in', ['other', 'private', 'company'])), name='tag_kind_known')],
            },
        ),
    ]
