"""What the admission engine is compared with: the same calls, done in other ways."""
