"""Which queue a task runs in, and when it runs."""

from celery.schedules import crontab
from kombu import Queue

# Each queue has its own worker, so that slow tasks do not delay messages of stations.
DEFAULT_QUEUE = "default"
QUEUES = [Queue("ledger"), Queue("default"), Queue("slow")]
ROUTES = {
    "ocpp_gateway.drain": {"queue": "ledger"},
    "ocpp_gateway.drain_all": {"queue": "ledger"},
    "accounts.check_program_keys": {"queue": "default"},
    "accounts.send_mails": {"queue": "default"},
    "chargers.close_links_of_dead_nodes": {"queue": "default"},
    "maintenance.notify": {"queue": "default"},
    "maintenance.send_alarms": {"queue": "default"},
    "operations.settle_overdue_commands": {"queue": "default"},
    "sessions.close_stale_sessions": {"queue": "default"},
    "sessions.record_team_power": {"queue": "default"},
    "accounts.check_hosts": {"queue": "slow"},  # queries name servers
    "chargers.hash_passwords": {"queue": "slow"},  # password hashes are slow on purpose
    "maintenance.purge_expired_rows": {"queue": "slow"},  # deletes rows older than their retention period
}
SCHEDULE = {
    "drain-inbox": {"task": "ocpp_gateway.drain_all", "schedule": 5.0, "options": {"expires": 5}},
    "settle-commands": {"task": "operations.settle_overdue_commands", "schedule": 10.0, "options": {"expires": 10}},
    "close-dead-links": {"task": "chargers.close_links_of_dead_nodes", "schedule": 30.0, "options": {"expires": 30}},
    "hash-passwords": {"task": "chargers.hash_passwords", "schedule": 60.0, "options": {"expires": 60}},
    "close-stale-sessions": {"task": "sessions.close_stale_sessions", "schedule": 60.0, "options": {"expires": 60}},
    "record-power": {"task": "sessions.record_team_power", "schedule": 60.0, "options": {"expires": 60}},
    "check-hosts": {"task": "accounts.check_hosts", "schedule": crontab(minute="23"), "options": {"expires": 3600}},
    "send-account-mails": {"task": "accounts.send_mails", "schedule": 60.0, "options": {"expires": 60}},
    "check-program-keys": {
        "task": "accounts.check_program_keys",
        "schedule": crontab(minute="17"),
        "options": {"expires": 3600},
    },
    "send-alarms": {"task": "maintenance.send_alarms", "schedule": 60.0, "options": {"expires": 60}},
    "notify": {"task": "maintenance.notify", "schedule": 60.0, "options": {"expires": 60}},
    "purge-expired-rows": {
        "task": "maintenance.purge_expired_rows",
        "schedule": crontab(minute="7"),
        "options": {"expires": 3600},
    },
}
