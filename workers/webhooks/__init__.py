"""Telling subscribers: facts to deliveries, deliveries to signed requests."""
