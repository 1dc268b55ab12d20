"""On PostgreSQL the database itself refuses to delete entries of the audit log or to change what they say."""

from django.db import migrations

from cpms.common.database.on_postgres import OnPostgres

PROTECT = """
CREATE FUNCTION audit_trail_stays() RETURNS trigger LANGUAGE plpgsql AS $$
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
    RAISE EXCEPTION 'entries of the audit log cannot be changed or deleted';
END $$;
CREATE TRIGGER audit_trail_stays BEFORE UPDATE OR DELETE ON accounts_auditentry
    FOR EACH ROW EXECUTE FUNCTION audit_trail_stays();
"""
RELEASE = """
DROP TRIGGER audit_trail_stays ON accounts_auditentry;
DROP FUNCTION audit_trail_stays();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_initial")]
    operations = [OnPostgres(PROTECT, RELEASE)]
