"""PyTorch: scaled_dot_product_attention forward and backward, in GFLOP/s. Arguments: batch heads tokens width dropout threads."""
import sys
import time

import torch
import torch.nn.functional as F

from turns import take_turns

batch, heads, tokens, width = map(int, sys.argv[1:5])
dropout, threads = float(sys.argv[5]), int(sys.argv[6])
torch.set_num_threads(threads)
q, k, v = (torch.randn(batch, heads, tokens, width, requires_grad=True) for _ in range(3))
slope = torch.randn(batch, heads, tokens, width)


def step():
    out = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout)
    torch.autograd.grad(out, (q, k, v), slope)


def measure():
    start = time.perf_counter()
    step()
    return 14 * batch * heads * tokens**2 * width / (time.perf_counter() - start) / 1e9


step()
take_turns(measure, library=f'pytorch {torch.__version__}')
