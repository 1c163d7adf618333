"""The endpoints for administrators."""
