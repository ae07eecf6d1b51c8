"""Server access logs: what a line says, and how lines gather into objects. Pure."""
