"""What stands in front of a program to keep a copy of what it prints, run by the Python of the training image.

That Python may be as old as 3.6: nothing here uses more than its language and its standard library, and nothing here is
imported by the rest of the project.
"""
