"""Reports: a run, or a folder of them, as one page that opens anywhere, with no network."""
