"""Webhooks: other programs are told of suggestions and decisions, signed, and again until they have heard."""
