"""
Money twice: an independent model of what calls cost, and a random machine that holds the product
against it.

The model (`days`, `prices`, `packages`, `ledger`, `limits`, `statements`, `model`) is written from
the design of money over time alone and imports nothing of the product.
"""
