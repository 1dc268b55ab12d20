"""The captcha of the log-in page (W3): a sum that the browser does, made and checked here; nobody else is asked."""

from __future__ import annotations

import base64
import json
import logging
from typing import Any

import altcha
from django import forms
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_altcha import AltchaField, AltchaWidget, get_challenge_expire_seconds, get_hmac_key

from accounts.services import network_of

logger = logging.getLogger(__name__)
ALWAYS, AFTER_FAILURE, OFF = "always", "after_failure", "off"
LARGEST_NUMBER = 50_000  # all of which a telephone has tried in about a second
REMEMBERED_SECONDS = 15 * 60  # that somebody failed
LONGEST = 4000


class CaptchaWidget(AltchaWidget):
    """Fetches its sum by itself and speaks the page's language."""

    template_name = "accounts/parts/captcha.html"

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context = forms.HiddenInput.get_context(self, name, value, attrs)
        words = {
            "ariaLinkLabel": "ALTCHA",
            "error": _("This could not be verified. Please try again."),
            "expired": _("This has expired. Please try again."),
            "footer": "",
            "label": _("I am not a robot"),
            "loading": _("One moment …"),
            "reload": _("Try again"),
            "verified": _("Verified"),
            "required": _("Please confirm this first."),
            "verify": _("Verify"),
            "verifying": _("One moment …"),
            "waitAlert": _("One moment, please."),
        }
        return context | {"words": json.dumps(words)}

    def use_required_attribute(self, initial: Any) -> bool:
        return False


class CaptchaField(AltchaField):
    """What the browser found for a sum of ours that has not been used before."""

    widget = CaptchaWidget
    sentence = gettext_lazy("The check against robots did not succeed. Please try again.")

    def validate(self, value: Any) -> None:
        if not value or len(value) > LONGEST:
            raise ValidationError(self.sentence, code="required")
        try:
            is_right, _reason = altcha.verify_solution(payload=value, hmac_key=get_hmac_key(), check_expires=True)
            challenge = str(json.loads(base64.b64decode(value))["challenge"])
        except Exception:  # anything could have been sent
            is_right, challenge = False, ""
        if not is_right or not _is_first_use(challenge):
            raise ValidationError(self.sentence, code="invalid")


def _is_first_use(challenge: str) -> bool:
    try:
        return bool(cache.add(f"captcha-{challenge}", 1, get_challenge_expire_seconds()))
    except Exception as error:  # a cache that is away must not lock everybody out
        logger.warning("used captchas are not remembered", extra={"cause": type(error).__name__})
        return True


def is_needed(address: str, email: str) -> bool:
    """Whether this attempt must bring an answer."""
    if settings.LOGIN_CAPTCHA != AFTER_FAILURE:
        return bool(settings.LOGIN_CAPTCHA == ALWAYS)
    try:
        return bool(cache.get_many(_keys(address, email)))
    except Exception as error:
        logger.warning("failed log-ins are not remembered", extra={"cause": type(error).__name__})
        return True


def note_failure(address: str, email: str) -> None:
    """From now on this source, and whoever tries this address, must bring an answer."""
    if settings.LOGIN_CAPTCHA != AFTER_FAILURE:
        return
    try:
        cache.set_many(dict.fromkeys(_keys(address, email), 1), REMEMBERED_SECONDS)
    except Exception as error:
        logger.warning("failed log-ins are not remembered", extra={"cause": type(error).__name__})


def _keys(address: str, email: str) -> list[str]:
    names = [f"from {network_of(address)}"] + ([f"to {email.strip().lower()}"] if email else [])
    return [f"failed-{salted_hmac('captcha', name, algorithm='sha256').hexdigest()}" for name in names]
