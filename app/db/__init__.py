"""The database: connections, transactions, statements, and the migration."""
