"""Letting calls in and ending them, many to a transaction."""
