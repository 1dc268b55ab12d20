"""Settings of the test suite: fast password hashing, and no throttles that could affect the next test."""

from cpms.settings.base import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
STAFF_REQUIRES_TWO_FACTOR = False  # its own tests turn it on
LOGIN_ACCOUNTS_PER_SOURCE = LOGIN_FAILURES_PER_ACCOUNT = 100_000  # all tests come from one address
LOGIN_CAPTCHA = "off"  # has its own tests, also in the browser
WHITENOISE_AUTOREFRESH = True  # find static files on demand instead of scanning them for each test client
