"""What people read in their own language: the catalogue, and the translation of finished English sentences."""
