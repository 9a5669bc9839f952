"""PyTorch's side of bench/kernels/elementwise.mjs: torch_elementwise.py CASE THREADS SHAPE... Prints GB/s each turn."""
import math
import sys
import time

import torch

from turns import take_turns

case, threads = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(threads)
inputs = [torch.rand(*map(int, shape.split('x'))) for shape in sys.argv[3:]]
compute = {
    'add': lambda a, b: a + b,
    'chain': lambda a, b: (a * 2 + b) * a,
    'bias_gelu': lambda x, bias: torch.nn.functional.gelu(x + bias),
    'dropout': lambda x: torch.nn.functional.dropout(x, 0.1),
    'heads': lambda x: x.view(8, 197, 12, 64).permute(0, 2, 1, 3).contiguous(),
    'transpose': lambda x: x.t().contiguous(),
    'sum_columns': lambda x: x.sum(0),
    'sum_rows': lambda x: x.sum(1),
}[case]


def measure():
    start = time.perf_counter()
    result = compute(*inputs)
    seconds = time.perf_counter() - start
    return 4 * (sum(x.numel() for x in inputs) + math.prod(result.shape)) / seconds / 1e9


with torch.no_grad():
    measure()
    take_turns(measure, library=f'pytorch {torch.__version__}')
