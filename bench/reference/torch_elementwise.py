"""PyTorch's side of bench/kernels/elementwise.mjs: torch_elementwise.py CASE THREADS SHAPE... Prints GB/s each turn."""
import sys
import time

import torch

from turns import take_turns

case, threads = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(threads)
inputs = [torch.rand(*map(int, shape.split('x'))) for shape in sys.argv[3:]]


def gelu_both_ways(x, slope):
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        y = torch.nn.functional.gelu(x)
    return y, torch.autograd.grad(y, x, slope)[0]


compute = {
    'add': lambda a, b: a + b,
    'chain': lambda a, b: (a * 2 + b) * a,
    'bias_gelu': lambda x, bias: torch.nn.functional.gelu(x + bias),
    'gelu_both_ways': gelu_both_ways,
    'dropout': lambda x: torch.nn.functional.dropout(x, 0.1),
    'heads': lambda x: x.view(8, 197, 12, 64).permute(0, 2, 1, 3).contiguous(),
    'transpose': lambda x: x.t().contiguous(),
    'sum_columns': lambda x: x.sum(0),
    'sum_rows': lambda x: x.sum(1),
}[case]


def measure():
    start = time.perf_counter()
    results = compute(*inputs)
    seconds = time.perf_counter() - start
    results = results if isinstance(results, tuple) else (results,)
    return 4 * sum(x.numel() for x in (*inputs, *results)) / seconds / 1e9


with torch.no_grad():
    measure()
    take_turns(measure, library=f'pytorch {torch.__version__}')
