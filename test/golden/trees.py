"""Writes trees.json: how well XGBoost and LightGBM do on the tables of test/trees/tables.ts, which this script makes again number by number.

  python trees.py > trees.json
"""
import json
import math

import lightgbm
import numpy as np
import xgboost

MASK = 0xffffffff


def random_sequence(seed):
    """Mulberry32, as in tables.ts."""
    a = seed
    imul = lambda x, y: (x * y) & MASK
    while True:
        a = (a + 0x6d2b79f5) & MASK
        t = imul(a ^ (a >> 15), a | 1)
        t ^= (t + imul(t ^ (t >> 7), t | 61)) & MASK
        yield (t ^ (t >> 14)) / 4294967296


def make_sample(rows, seed):
    """-> values (rows, 5), score, labels"""
    draw = random_sequence(seed).__next__
    values, score = np.empty((rows, 5), np.float32), np.empty(rows)
    for i in range(rows):
        a, b, c = draw() * 2 - 1, draw() * 2 - 1, math.floor(draw() * 6)
        d = math.nan if draw() < .2 else draw()
        e = math.floor(draw() * 12)
        values[i] = a, b, c, d, e
        score[i] = 2 * a * b + (1 if c > 3 else 0) + (-1 if math.isnan(d) else d) + (1 if e * 5 % 12 < 4 else -.5)
    labels = np.array([float(draw() < 1 / (1 + math.exp(-2 * s))) for s in score], np.float32)
    return values, score, labels


def log_loss(p, y):
    return float(-np.mean(np.where(y == 1, np.log(p), np.log(1 - p))))


def rmse(p, y):
    return float(np.sqrt(np.mean((p - y) ** 2)))


x, score, label = make_sample(20000, 11)
held, held_score, held_label = make_sample(20000, 12)
types = ['q', 'q', 'q', 'q', 'c']
found = {}
for task, y, y_held, measure in (('binary', label, held_label, log_loss), ('regression', score, held_score, rmse)):
    options = dict(objective='binary:logistic' if task == 'binary' else 'reg:squarederror', max_depth=6, eta=.1, tree_method='hist', nthread=1)
    matrix = lambda v, **k: xgboost.DMatrix(v, feature_types=types, enable_categorical=True, **k)
    p = xgboost.train(options, matrix(x, label=y), 100).predict(matrix(held))
    found.setdefault(task, {})['xgboost'] = measure(p, y_held)
    options = dict(objective=task, num_leaves=31, learning_rate=.1, num_threads=1, verbosity=-1)
    p = lightgbm.train(options, lightgbm.Dataset(x, y, categorical_feature=[4]), 100).predict(held)
    found[task]['lightgbm'] = measure(p, y_held)
print(json.dumps({'made with': f'xgboost {xgboost.__version__}, lightgbm {lightgbm.__version__}', **found}, indent=2))
