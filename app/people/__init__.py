"""People who sign in: users as Sage has them, passwords, second factors, one-time links."""
