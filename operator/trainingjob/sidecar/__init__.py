"""What runs inside training pods beside the program: it brings code, data and packages, and keeps what is written."""
