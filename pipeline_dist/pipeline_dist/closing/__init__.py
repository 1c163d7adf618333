"""Months that close: their statements numbered, kept as they were, and told again for ever."""
