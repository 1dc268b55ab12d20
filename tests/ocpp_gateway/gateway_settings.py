"""Settings of the gateways and workers of the suite: as they are, and with a second version to speak."""

from cpms.settings.base import *  # noqa: F403
from cpms.settings.base import INSTALLED_APPS as OWN

INSTALLED_APPS = [*OWN, "tests.ocpp_gateway.apps.SecondVersionConfig"]
