"""What happens to distributors, in the order of a number: written once, read and sent on."""
