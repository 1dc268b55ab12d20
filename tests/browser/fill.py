"""Script that fills a running site: a team with data on every page. Prints the addresses of these pages as JSON."""

import json
import sys

import django

django.setup()

from django.urls import reverse  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.mails.services.mails import undo_token  # noqa: E402
from accounts.models import AddressChange  # noqa: E402
from chargers.models import ChargingStation, Tag  # noqa: E402
from maintenance.connections.labels import model_url  # noqa: E402
from maintenance.models import SecurityEvent, StationLink  # noqa: E402
from sessions.models import ChargingSession, MeterReading  # noqa: E402
from tests import factories  # noqa: E402
from tests.routes import FOUND, ROUTES, address, keys_of  # noqa: E402
from tests.world import add_full_team  # noqa: E402

person = factories.UserFactory.create(email="full@example.org")
made = add_full_team("full", person)
rows = keys_of(made)
Tag.objects.filter(pk=made["chargers.Tag"].pk).update(value="FULLCARD", user=person)
for value, installations in (("SELECTEDCARD", []), ("CARDHERE", [made["chargers.Installation"]])):
    card = factories.TagFactory.create(team=made["accounts.Team"], value=value, scope="selected")
    card.installations.set(installations)
ChargingStation.objects.filter(pk=made["chargers.ChargingStation"].pk).update(
    identity="FULL-1", vendor="Maker", model="Wallbox"
)  # equal to the values of the BootNotification in conftest.py
elsewhere = factories.StationFactory.create(
    team=factories.TeamFactory.create(handle="host", name="Host"), identity="GUEST-1"
)
factories.ConnectorFactory.create(station=elsewhere, number=1)
factories.GrantFactory.create(station=elsewhere, user=person, role="user")  # makes the user a driver there
session = ChargingSession.objects.filter(pk=made["charging_sessions.ChargingSession"].pk)
session.update(started_at=timezone.now(), start_received_at=timezone.now())  # so that no sweep closes it
SecurityEvent.objects.update(is_critical=True)
# So that the station can connect again:
ChargingStation.objects.update(epoch=max(StationLink.objects.values_list("epoch", flat=True)))
names = [name for name, line in ROUTES.items() if "GET" in line and name in FOUND]
pages = {name: address(name, rows) for name in names if not name.startswith(("api", "admin", "health", "oauth"))}
odd = {"value": "7", "unit": "furlong", "measurand": "Energy.Active.Import.Register", "context": "Sample.Often"}
volts = [{"value": "231.4", "unit": "V", "measurand": "Voltage", "phase": phase} for phase in ("L1-N", "L2-N", "L3-N")]
degrees = {"value": "41.5", "unit": "Celsius", "measurand": "Temperature", "location": "Body"}
unknown = [odd, odd | {"value": "much", "phase": "L9"}, {"raw": "5"}]  # values that are not defined in OCPP
MeterReading.objects.update(values=[*volts, degrees, *unknown])
pages["maintenance:deviation_model"] = model_url("Maker", "Wallbox")
pages["accounts:email_undo"] = reverse("accounts:email_undo", args=[undo_token(AddressChange.objects.get())])
json.dump(pages, sys.stdout)
