"""The builder of the generated list pages."""
