"""What is measured: layers, gradients of layers, pools, small calls, and whole training steps.

Each item has a ``family``, a ``name`` and ``n``, the images of one call. Nothing here is timed.
"""
