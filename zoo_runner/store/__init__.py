"""What is kept between runs: files by key, their hashes, and checks of both."""
