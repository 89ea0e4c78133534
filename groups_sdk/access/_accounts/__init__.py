"""Accounts of SSO users: their deletion, everywhere in Snyk."""
