"""The tables: what the model files say, the checks of values, and what the database lacks."""
