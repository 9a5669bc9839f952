"""PyTorch: cross_entropy with labels, forward and backward, in GB/s of 3 tensors. Arguments: rows classes threads."""
import sys
import time

import torch
import torch.nn.functional as F

from turns import take_turns

rows, classes, threads = map(int, sys.argv[1:4])
torch.set_num_threads(threads)
logits = torch.rand(rows, classes, requires_grad=True)
labels = torch.randint(classes, (rows,))


def step():
    torch.autograd.grad(F.cross_entropy(logits, labels), logits)


def measure():
    start = time.perf_counter()
    step()
    return 3 * 4 * rows * classes / (time.perf_counter() - start) / 1e9


step()
take_turns(measure, library=f'pytorch {torch.__version__}')
