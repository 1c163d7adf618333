"""The draft of a line and its steps, which several people may edit at once."""
