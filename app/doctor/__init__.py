"""What `manage.py doctor` looks at: one function a subject, each with what to do about it."""
