"""What the scripts of this project share; the standard library is all it needs, so that it runs on a bare machine."""
