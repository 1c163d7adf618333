"""Lines as files: export, import, and what travels with them."""
