"""What would be reused, and why: keys explained, and kept results made again."""
