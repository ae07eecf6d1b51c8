"""Tests of web identities: tokens, keys, where they come from."""
