"""The command: settings, the embedded PostgreSQL, supervised processes, and where all parts are put together."""
