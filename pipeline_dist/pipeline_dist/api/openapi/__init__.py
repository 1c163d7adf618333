"""The document of the distributor API."""
