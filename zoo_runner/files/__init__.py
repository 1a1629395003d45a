"""Files of others: opened only when they are regular, read up to a bound, and what to do when the disk refuses."""
