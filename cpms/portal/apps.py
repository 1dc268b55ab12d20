from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "cpms.portal"
    label = "portal"
