"""A line from its creation over its versions to the one that is live."""
