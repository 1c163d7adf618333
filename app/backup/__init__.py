"""Backups: what one file of them is, how a database goes into it and comes out of it."""
