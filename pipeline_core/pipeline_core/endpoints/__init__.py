"""The endpoints of lines, steps and versions, and what their pages show."""
