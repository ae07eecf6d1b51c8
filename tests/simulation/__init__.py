"""A whole store in one process, with a clock of its own, in which everything fails: by seeds.

    program ─> users, operators, faults ─> world: nodes (disks), network, metadata, coordinator
                                             └─> invariants, when all is at rest

Real: writer, reader, multipart, reclaimer, cluster and membership, healer, audit. Simulated: time
(virtual_time.py), nodes and their disks (nodes.py), the way to them and to the metadata
(network.py); the metadata themselves are the reference model.

`test_programs.py` runs seeds and says how one is replayed; `test_invariants.py` shows that each
invariant can fail.
"""
