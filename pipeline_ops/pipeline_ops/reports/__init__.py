"""What the pages tell of use."""
