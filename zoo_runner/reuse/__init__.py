"""What a run would reuse, and why: ``cache explain`` shows the keys, ``cache verify`` makes kept results again."""
