"""The server: from the socket through the guard to a page, a script or a file."""
