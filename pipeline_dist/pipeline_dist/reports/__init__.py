"""What a distributor may look at: lines and prices, use, statements."""
