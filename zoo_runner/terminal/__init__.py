"""What stands on the terminal."""
