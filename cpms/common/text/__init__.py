"""Validation of texts and dates."""
