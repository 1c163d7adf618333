"""What a line is, apart from any database: steps, stages, references, checks."""
