"""Networks that a manifest names: built by a function of code that is trusted, and a small one that comes along."""
