"""Webhooks: the events of a distributor, sent to an address of its own, in order and signed."""
