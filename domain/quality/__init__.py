"""Quality management: deviations."""
