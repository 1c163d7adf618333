"""The host's catalogue of refusals: each code with its status and its sentences, once."""
