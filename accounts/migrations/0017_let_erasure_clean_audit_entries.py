"""Whoever is erased is erased in the audit trail too: texts may be replaced while a transaction says that it does that."""

from django.db import migrations

from cpms.common.database.on_postgres import OnPostgres

PROTECT = """
CREATE OR REPLACE FUNCTION audit_trail_stays() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    texts text[] := ARRAY['object_repr', 'changes', 'changes_text', 'serialized_data', 'additional_data', 'actor_email'];
BEGIN
    IF TG_OP = 'UPDATE' AND to_jsonb(OLD) - 'actor_id' = to_jsonb(NEW) - 'actor_id' AND NEW.actor_id IS NULL THEN
        RETURN NEW;  -- a person was deleted; the address stays
    END IF;
    IF TG_OP = 'UPDATE' AND current_setting('cpms.erasing', true) = 'on'
        AND to_jsonb(OLD) - texts = to_jsonb(NEW) - texts THEN
        RETURN NEW;  -- a person is erased: what was done, when and to what stays
    END IF;
    RAISE EXCEPTION 'entries of the audit trail stay as they are';
END $$;
"""
BEFORE = """
CREATE OR REPLACE FUNCTION audit_trail_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND to_jsonb(OLD) - 'actor_id' = to_jsonb(NEW) - 'actor_id' AND NEW.actor_id IS NULL THEN
        RETURN NEW;  -- a person was deleted; the address stays
    END IF;
    RAISE EXCEPTION 'entries of the audit trail stay as they are';
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0016_remove_user_employee_number")]
    operations = [OnPostgres(PROTECT, BEFORE)]
