"""The captcha of the sign-in page: a proof of work for the browser, without a third party."""

from __future__ import annotations

import base64
import json
import logging
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import altcha
from django import forms
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_altcha import AltchaField, AltchaWidget, get_challenge_expire_seconds, get_hmac_key

from accounts.sign_in.services import signing_in

logger = logging.getLogger(__name__)
ALWAYS, AFTER_FAILURE, OFF = "always", "after_failure", "off"
MAX_NUMBERS = (50_000, 150_000, 500_000, 1_500_000)  # by level; a phone solves the first in about a second
LEVEL_THRESHOLDS = (5, 15, 60)  # failures per hour from which the next level is required
MAX_LEVEL = len(MAX_NUMBERS) - 1
MAX_PAYLOAD_LENGTH = 4000


class CaptchaWidget(AltchaWidget):
    """The captcha element, which fetches its challenge itself. Its texts are in the language of the page."""

    template_name = "accounts/sign_in/parts/captcha.html"
    level = 0

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context = forms.HiddenInput.get_context(self, name, value, attrs)
        labels = {
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
        return context | {"labels": json.dumps(labels), "level": self.level}

    def use_required_attribute(self, initial: Any) -> bool:
        return False


class CaptchaField(AltchaField):
    """The browser's solution of a challenge that we issued and that was not used before."""

    widget = CaptchaWidget
    failed_message = gettext_lazy("The captcha was not solved. Please try again.")
    harder_message = gettext_lazy("There were many failed attempts. Please try again; the captcha takes longer now.")

    def __init__(self, *args: Any, level: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.level = self.widget.level = level

    def validate(self, value: Any) -> None:
        if not value or len(value) > MAX_PAYLOAD_LENGTH:
            raise ValidationError(self.failed_message, code="required")
        try:
            is_right, _reason = altcha.verify_solution(payload=value, hmac_key=get_hmac_key(), check_expires=True)
            solution = json.loads(base64.b64decode(value))
            challenge, level = str(solution["challenge"]), _level_of(str(solution["salt"]))
        except Exception:  # the client can send anything
            is_right, challenge, level = False, "", 0
        if is_right and level < self.level:
            raise ValidationError(self.harder_message, code="harder")
        if not is_right or not _is_first_use(challenge):
            raise ValidationError(self.failed_message, code="invalid")


def make_challenge(level: int) -> dict[str, Any]:
    """Create a challenge for the browser. Its difficulty is part of the salt, which the signature covers."""
    level = min(max(level, 0), MAX_LEVEL)
    options = altcha.ChallengeOptions(
        hmac_key=get_hmac_key(),
        max_number=MAX_NUMBERS[level],
        expires=timezone.now() + timedelta(seconds=get_challenge_expire_seconds()),
        params={"level": str(level)},
    )
    challenge = altcha.create_challenge(options)
    fields = {name: getattr(challenge, name) for name in ("algorithm", "challenge", "salt", "signature")}
    return fields | {"maxnumber": challenge.max_number}  # the spelling of the browser's element


def _level_of(salt: str) -> int:
    return int(parse_qs(salt.partition("?")[2])["level"][0])


def _is_first_use(challenge: str) -> bool:
    try:
        return bool(cache.add(f"captcha-{challenge}", 1, get_challenge_expire_seconds()))
    except Exception as error:  # a failing cache must not lock everybody out
        logger.warning("used captchas are not remembered", extra={"cause": type(error).__name__})
        return True


def level_for(address: str, email: str, *, is_known: bool = False) -> int | None:
    """Return the level of the captcha for this attempt, or None if no captcha is needed.

    Args:
        address: the client's IP address.
        is_known: whether the browser signed in to this account before; then failures of others are ignored.
    """
    if settings.LOGIN_CAPTCHA == OFF:
        return None
    failed = signing_in.recent_failures(address, email)
    if failed is None:
        return 0
    most = failed.of_source if is_known else max(failed.of_source, failed.at_account)
    if settings.LOGIN_CAPTCHA == AFTER_FAILURE and not most:
        return None
    if not is_known and failed.at_account >= settings.LOGIN_FAILURES_PER_ACCOUNT:
        return MAX_LEVEL
    return sum(most >= least for least in LEVEL_THRESHOLDS)
