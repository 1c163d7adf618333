"""What everything stands on: errors, texts, times, ids, JSON, logs, settings, secrets."""
