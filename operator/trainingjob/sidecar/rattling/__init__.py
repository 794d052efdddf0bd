"""What solves and installs packages of conda in a training pod whose image has no conda, through py-rattler.

It is run by a Python of the training image, from 3.10 on, which has nothing of ours but this folder and py-rattler.
"""
