"""Mean average precision, by several protocols."""
