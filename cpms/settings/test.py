"""Settings of the suite: quick hashing, no throttles that one test could leave behind for the next."""

from cpms.settings.base import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
STAFF_REQUIRES_TWO_FACTOR = False  # where it is told what it does, it is turned on
LOGIN_ACCOUNTS_PER_SOURCE = LOGIN_FAILURES_PER_ACCOUNT = 100_000  # all tests come from one address
LOGIN_CAPTCHA = "off"  # what it does is told in tests of its own and in Chromium
WHITENOISE_AUTOREFRESH = True  # files are looked for when they are asked for, not all of them for each test client
