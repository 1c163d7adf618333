"""Taking closed months out of the ledger into files, looking at these, and putting them back."""
