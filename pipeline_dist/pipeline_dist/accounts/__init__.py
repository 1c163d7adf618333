"""Distributors, their lines, prices and keys, and whose request one is."""
