"""What installs packages in a training pod, run by the Python of the training image.

That Python may be as old as 3.6: nothing here uses more than its language and its standard library, and nothing of the
rest of the project is imported here.
"""
