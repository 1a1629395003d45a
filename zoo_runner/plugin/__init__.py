"""Protocols, hooks and records, which plugins may import; and how plugins are loaded and called, which they may not."""
