"""Roles that go from one account to another: migrations to another SSO domain, copies, hand-overs."""
