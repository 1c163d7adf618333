"""Production lines: what a line is (its steps) and which version of it is live."""
