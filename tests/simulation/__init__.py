"""
A seeded simulation of the admission engine.

Real: queue, deciding, workset, locking, pricing, ledger, sweeper (pipeline_dist/admission,
pipeline_ops) and of the database layer all that stands on a connection: `in_transaction` with its
repetitions, both ways of a transaction, sqlor object, quoting, what errors mean. Simulated: the
clock and the event loop's time (`virtual_loop`), chance, the workers' pools (`workers`), and below
the connection the network and the database (`connection`, `server`), which takes SQL text and keeps
MariaDB's rules of the border: READ COMMITTED, row locks that are waited for in order, deadlock and
lock wait time-out, unique keys, all or nothing, answers that are lost on their way.

All that happens follows from the seed: `python -m tests.simulation --seed N` plays it again.
"""
