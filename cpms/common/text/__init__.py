"""Checks of texts and dates."""
