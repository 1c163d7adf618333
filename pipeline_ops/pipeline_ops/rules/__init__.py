"""Prices, limits and counters as rules."""
