"""The pages in a Chromium; a package, so that one Chromium serves them all."""
