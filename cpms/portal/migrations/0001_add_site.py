"""The site's own texts and hooks, and who chose what of them."""

import cpms.common.web.languages
import cpms.portal.models
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_begin'),
    ]

    operations = [
        migrations.CreateModel(
            name='SiteHook',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80, unique=True, verbose_name='name')),
                ('purpose', models.TextField(help_text='What it does with which data, and who gets it.', max_length=1000, verbose_name='purpose')),
                ('category', models.CharField(choices=[('statistics', 'Statistics'), ('comfort', 'Comfort'), ('marketing', 'Marketing')], max_length=12, verbose_name='category')),
                ('script_url', models.URLField(max_length=300, validators=[cpms.portal.models._check_origin], verbose_name='script')),
                ('connects_to', models.CharField(blank=True, help_text='Origins it sends to, apart by blanks.', max_length=500, verbose_name='connects to')),
                ('is_active', models.BooleanField(default=True, verbose_name='offered')),
            ],
            options={
                'verbose_name': 'tool of others',
                'verbose_name_plural': 'tools of others',
                'ordering': ['category', 'name'],
            },
        ),
        migrations.CreateModel(
            name='PrivacyChoice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('changed_at', models.DateTimeField(auto_now=True, verbose_name='changed')),
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='privacy_choice', to=settings.AUTH_USER_MODEL, verbose_name='person')),
                ('hooks', models.ManyToManyField(blank=True, related_name='choices', to='portal.sitehook', verbose_name='allowed')),
            ],
            options={
                'verbose_name': 'privacy choice',
                'verbose_name_plural': 'privacy choices',
                'ordering': ['-changed_at'],
            },
        ),
        migrations.CreateModel(
            name='SiteText',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('imprint', 'Imprint'), ('copyright', 'Copyright line')], max_length=10, verbose_name='kind')),
                ('language', models.CharField(choices=cpms.common.web.languages.languages, max_length=10, verbose_name='language')),
                ('text', models.TextField(max_length=20000, verbose_name='text')),
            ],
            options={
                'verbose_name': 'text of the site',
                'verbose_name_plural': 'texts of the site',
                'ordering': ['kind', 'language'],
                'constraints': [models.UniqueConstraint(fields=('kind', 'language'), name='site_text_once_per_language')],
            },
        ),
    ]
