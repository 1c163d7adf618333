"""The host's own endpoints: signing in, lists, files in and out, the audit trail, rights."""
