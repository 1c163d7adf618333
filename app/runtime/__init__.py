"""Processes of this machine: workers, the embedded database, the run-time folder, the terminal."""
