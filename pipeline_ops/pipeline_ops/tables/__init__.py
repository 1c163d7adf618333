"""Prices and capacities as administrators keep them, and as they travel with a line."""
