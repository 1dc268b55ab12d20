"""The captcha of the sign-in page: a calculation for the browser, issued and checked here without a third party."""

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
MAX_NUMBERS = (50_000, 150_000, 500_000, 1_500_000)  # by level; a telephone tries the first in about a second
HARDER_FROM = (5, 15, 60)  # failures within an hour, from which on the next level is asked for
HARDEST = len(MAX_NUMBERS) - 1
LONGEST = 4000


class CaptchaWidget(AltchaWidget):
    """Fetches its sum by itself and speaks the page's language."""

    template_name = "accounts/sign_in/parts/captcha.html"
    level = 0

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
        return context | {"words": json.dumps(words), "level": self.level}

    def use_required_attribute(self, initial: Any) -> bool:
        return False


class CaptchaField(AltchaField):
    """What the browser found for a sum of ours that has not been used before."""

    widget = CaptchaWidget
    sentence = gettext_lazy("The check against robots did not succeed. Please try again.")
    harder = gettext_lazy("There were many failed attempts. Please try again; the check takes longer now.")

    def __init__(self, *args: Any, level: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.level = self.widget.level = level

    def validate(self, value: Any) -> None:
        if not value or len(value) > LONGEST:
            raise ValidationError(self.sentence, code="required")
        try:
            is_right, _reason = altcha.verify_solution(payload=value, hmac_key=get_hmac_key(), check_expires=True)
            told = json.loads(base64.b64decode(value))
            challenge, level = str(told["challenge"]), _level_of(str(told["salt"]))
        except Exception:  # anything could have been sent
            is_right, challenge, level = False, "", 0
        if is_right and level < self.level:
            raise ValidationError(self.harder, code="harder")
        if not is_right or not _is_first_use(challenge):
            raise ValidationError(self.sentence, code="invalid")


def make_challenge(level: int) -> dict[str, Any]:
    """Make a sum for the browser. Its salt, which the signature covers, says how hard it is."""
    level = min(max(level, 0), HARDEST)
    options = altcha.ChallengeOptions(
        hmac_key=get_hmac_key(),
        max_number=MAX_NUMBERS[level],
        expires=timezone.now() + timedelta(seconds=get_challenge_expire_seconds()),
        params={"level": str(level)},
    )
    made = altcha.create_challenge(options)
    facts = {name: getattr(made, name) for name in ("algorithm", "challenge", "salt", "signature")}
    return facts | {"maxnumber": made.max_number}  # as the browser's element spells it


def _level_of(salt: str) -> int:
    return int(parse_qs(salt.partition("?")[2])["level"][0])


def _is_first_use(challenge: str) -> bool:
    try:
        return bool(cache.add(f"captcha-{challenge}", 1, get_challenge_expire_seconds()))
    except Exception as error:  # a cache that is away must not lock everybody out
        logger.warning("used captchas are not remembered", extra={"cause": type(error).__name__})
        return True


def level_for(address: str, email: str, *, is_known: bool = False) -> int | None:
    """Return how hard the sum of this attempt must be; None when none is asked for.

    Args:
        is_known: the browser signed in to this account before: what others try there does not count against it.
    """
    if settings.LOGIN_CAPTCHA == OFF:
        return None
    failed = signing_in.failures(address, email)
    if failed is None:
        return 0
    most = failed.of_source if is_known else max(failed.of_source, failed.at_account)
    if settings.LOGIN_CAPTCHA == AFTER_FAILURE and not most:
        return None
    if not is_known and failed.at_account >= settings.LOGIN_FAILURES_PER_ACCOUNT:
        return HARDEST
    return sum(most >= least for least in HARDER_FROM)
