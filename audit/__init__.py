"""The memory: reading history to replay it, and to prove that it is whole. Never writes an event."""
