"""PyTorch: Y = X W^T, dX = dY W, dW = dY^T X, in GFLOP/s over all three. Arguments: m k n threads."""
import sys
import time

import torch

from turns import take_turns

m, k, n, threads = map(int, sys.argv[1:5])
torch.set_num_threads(threads)
x, w, dy = torch.randn(m, k), torch.randn(n, k), torch.randn(m, n)
y, dx, dw = torch.empty(m, n), torch.empty(m, k), torch.empty(n, k)


def step():
    torch.mm(x, w.t(), out=y)
    torch.mm(dy, w, out=dx)
    torch.mm(dy.t(), x, out=dw)


def measure():
    start = time.perf_counter()
    step()
    return 6 * m * k * n / (time.perf_counter() - start) / 1e9


with torch.no_grad():
    step()
    take_turns(measure, library=f'pytorch {torch.__version__}')
