"""Torture: real processes are killed and hurt while clients write, read, list, and remember."""
