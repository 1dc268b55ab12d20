"""Run by itself in a site's settings: a team with something on every page, and where these pages are, as JSON."""

import json
import sys

import django

django.setup()

from django.urls import reverse  # noqa: E402

from accounts.mails import undo_token  # noqa: E402
from accounts.models import AddressChange  # noqa: E402
from maintenance.violations import model_url  # noqa: E402
from sessions.models import MeterReading  # noqa: E402
from tests import factories  # noqa: E402
from tests.test_routes import FOUND, ROUTES, address, keys_of  # noqa: E402
from tests.world import add_full_team  # noqa: E402

rows = keys_of(add_full_team("full", factories.UserFactory.create(email="full@example.org")))
names = [name for name, line in ROUTES.items() if "GET" in line and name in FOUND]
pages = {name: address(name, rows) for name in names if not name.startswith(("api", "admin", "health", "oauth"))}
odd = {"value": "7", "unit": "furlong", "measurand": "Energy.Active.Import.Register", "context": "Sample.Often"}
MeterReading.objects.update(values=[odd, odd | {"value": "much", "phase": "L9"}, {"raw": "5"}])  # words of their own
pages["maintenance:deviation_model"] = model_url("Maker", "Wallbox 2")  # as the factory says of its stations
pages["accounts:email_undo"] = reverse("accounts:email_undo", args=[undo_token(AddressChange.objects.get())])
json.dump(pages, sys.stdout)
