"""Recognition of text: readers of labelled lines, dictionaries, CTC decoding, and accuracy by character and line."""
