"""Users, groups, roles and policies of accounts: what is kept of them, and whom that makes."""
