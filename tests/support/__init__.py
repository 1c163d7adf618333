"""What the tests stand on: real databases, real workers, a real browser."""
