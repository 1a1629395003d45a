"""What explains a mean average precision: intervals, curves, diagnosis, pictures."""
