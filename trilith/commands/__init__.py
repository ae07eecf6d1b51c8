"""The commands of `trilith`, one file per family.

Rules: a command parses, calls and prints; what it does stands elsewhere. Results go to standard
output, everything else to standard error. With --json each result is one JSON object on a line of
its own. Heavy imports stand inside the commands.
"""
