"""The ledger: its entries, their check and their repair."""
