"""PyTorch: residual sum and layer norm, forward and backward, in GB/s of 8 tensors. Arguments: rows width threads."""
import sys
import time

import torch
import torch.nn.functional as F

from turns import take_turns

rows, width, threads = map(int, sys.argv[1:4])
torch.set_num_threads(threads)
x, residual = (torch.randn(rows, width, requires_grad=True) for _ in range(2))
weight, bias = torch.ones(width, requires_grad=True), torch.zeros(width, requires_grad=True)
slope, of_sum = torch.randn(rows, width), torch.randn(rows, width)


def step():
    total = x + residual
    y = F.layer_norm(total, [width], weight, bias, 1e-5)
    torch.autograd.grad((y, total), (x, weight, bias), (slope, of_sum))


def measure():
    start = time.perf_counter()
    step()
    return 8 * 4 * rows * width / (time.perf_counter() - start) / 1e9


step()
take_turns(measure, library=f'pytorch {torch.__version__}')
