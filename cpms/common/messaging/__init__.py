"""Live updates and mails."""
