"""Our Inception and metrics beside torch-fidelity's, on random weights.

`make parity`, in three steps that share a folder:
  python -m parity.inputs FOLDER       weights and images from a seed (numpy)
  python parity/reference.py FOLDER    what torch-fidelity makes of them, in a
                                       virtual environment with torch
  python -m parity.compare FOLDER      what we make of them, and the table
"""
