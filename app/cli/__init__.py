"""The operators' commands, one file each; app/manage.py lists them."""
