"""Data sets and result files in the form of PASCAL VOC."""
