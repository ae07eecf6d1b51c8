"""Policies, ACLs and who may do what."""
