"""XGBoost and LightGBM on a table of bench/tables.mjs. Arguments: library, table folder, what, trees, threads.

what: train (seconds from the raw matrix to the finished model, depth 10 or 512 leaves), auc (of that model on the test part), predict (seconds for the
test part on all threads), row (microseconds for one row, one thread).
"""
import json
import sys
import time

import numpy as np

from turns import take_turns

library, folder, what = sys.argv[1:4]
trees, threads = map(int, sys.argv[4:6])
facts = json.load(open(f'{folder}/table.json'))
part = lambda name, columns: np.fromfile(f'{folder}/{name}.f32', np.float32).reshape(-1, columns)
x, xt = part('train', facts['columns']), part('test', facts['columns'])
y, yt = part('train-label', 1)[:, 0], part('test-label', 1)[:, 0]
categorical = facts['categorical']


def xgboost():
    import xgboost as xgb

    options = dict(objective='binary:logistic', max_depth=10, eta=.1, tree_method='hist', nthread=threads)
    train = lambda: xgb.train(options, xgb.QuantileDMatrix(x, label=y, nthread=threads), trees)
    # predict() of a DMatrix answers a second time from its cache
    return train, lambda model: model.inplace_predict(xt, validate_features=False), lambda model: model.inplace_predict(xt[:1], validate_features=False)


def lightgbm():
    import lightgbm as lgb

    options = dict(objective='binary', num_leaves=512, learning_rate=.1, num_threads=threads, verbosity=-1)
    train = lambda: lgb.train(options, lgb.Dataset(x, y, categorical_feature=categorical or 'auto', params=options), trees)
    return train, lambda model: model.predict(xt, num_threads=threads), lambda model: model.predict(xt[:1], num_threads=1)


def seconds(act):
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def auc(score):
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(yt, score))


train, predict, predict_row = {'xgboost': xgboost, 'lightgbm': lightgbm}[library]()
model = None


def trained():
    global model
    if model is None:
        model = train()
    return model


take_turns({
    'train': lambda: seconds(train),
    'auc': lambda: auc(predict(trained())),
    'predict': lambda: seconds(lambda: predict(trained())),
    'row': lambda: seconds(lambda: [predict_row(trained()) for _ in range(200)]) / 200 * 1e6,
}[what])
