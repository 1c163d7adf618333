"""The files of archived months: rows of the ledger, and what the database knows of them."""
