"""Calls that run: bookings, slots, accounts, and the end of what is overdue."""
