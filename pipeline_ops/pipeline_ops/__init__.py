"""What lines cost, how much of them there is, and the ledger of their use."""
