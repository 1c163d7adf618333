"""Rows as people keep them: reading, writing, their trail, filters, and table files."""
