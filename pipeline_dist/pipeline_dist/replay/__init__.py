"""The command that sends a recorded trace to the API again."""
