"""What every product shares: users, roles, webhooks."""
