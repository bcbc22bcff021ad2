"""Our feature networks and metrics beside those of PyTorch, on random weights.

`make parity`, in steps that share a folder:
  python -m parity.inputs FOLDER       weights and images from a seed (numpy)
  python parity/reference.py FOLDER    what torch-fidelity makes of them, in a
                                       virtual environment with torch
  python parity/reference_dinov2.py FOLDER      and a transformer of torch's
  python -m parity.compare FOLDER      what we make of them, and the table
  python -m parity.compare_dinov2 FOLDER        likewise
"""
