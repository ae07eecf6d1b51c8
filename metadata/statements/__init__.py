"""The SQL, one file per kind of thing that is remembered.

Rules: every function takes a connection inside a transaction that its caller began and will end; a
mutation's first statement decides it (its WHERE clause, a constraint, its row count), what follows
is keyed by what that one changed, and only a refusal is looked into afterwards, to name its reason.
"""
