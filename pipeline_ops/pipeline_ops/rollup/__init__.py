"""The ledger's sums by day: what they are, how they are kept, and reading them with the ledger."""
