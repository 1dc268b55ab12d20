from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "cpms.common"
    label = "common"
