// Functions of lib/native.ts about forests: growth, prediction, model text.
#include <cstring>

#include "napi/trees.h"
#include "trees/boost.h"
#include "trees/model_io.h"

namespace tensorwood {

const HandleType Model::handle = {{0x2f84b0d95e7c4a63, 0xb7e91d3c50f86a06}, "forest"};

namespace {

BoostOptions read_options(const Napi::Object& spec) {
  BoostOptions o;
  o.objective = static_cast<Objective>(get_integer(spec, "objective", 0, 2));
  o.classes = static_cast<int32_t>(get_integer(spec, "classes", 1, 65535));
  o.rounds = static_cast<int32_t>(get_integer(spec, "trees", 0));
  o.rows_per_tree = get_number(spec, "rowsPerTree");
  o.positive_weight = get_number(spec, "positiveWeight");
  o.seed = static_cast<uint64_t>(get_integer(spec, "seed", 0, INT64_MAX >> 11));
  o.early_stopping = static_cast<int32_t>(get_integer(spec, "earlyStopping"));
  GrowOptions& g = o.grow;
  g.policy = static_cast<Policy>(get_integer(spec, "policy", 0, 1));
  g.learning_rate = get_number(spec, "learningRate");
  g.penalty = {get_number(spec, "l1"), get_number(spec, "l2"), get_number(spec, "maxDeltaStep")};
  g.gamma = get_number(spec, "gamma");
  g.min_child_weight = get_number(spec, "minChildWeight");
  g.min_rows = get_number(spec, "minRowsInLeaf");
  g.max_depth = static_cast<int32_t>(get_integer(spec, "maxDepth"));
  g.max_leaves = static_cast<int32_t>(get_integer(spec, "maxLeaves"));
  g.columns_per_tree = get_number(spec, "columnsPerTree");
  g.columns_per_node = get_number(spec, "columnsPerNode");
  CategoryOptions& c = g.category;
  c.most = static_cast<int32_t>(get_integer(spec, "maxCategories"));
  c.one_hot_bins = static_cast<int32_t>(get_integer(spec, "oneHotCategories"));
  c.smooth = get_number(spec, "categorySmoothing");
  c.l2 = get_number(spec, "categoryL2");
  c.min_rows = get_number(spec, "minRowsInCategory");
  c.min_group_rows = get_number(spec, "minRowsInGroup");
  const Napi::Array metrics = get_list(spec, "metrics");
  for (uint32_t i = 0; i < metrics.Length(); i++) o.metrics.push_back(static_cast<Metric>(read_integer(metrics.Get(i), "metrics", 0, 3)));
  return o;
}

struct GrowJob {
  std::shared_ptr<Dataset> table;
  std::shared_ptr<Model> model;
  BoostOptions options;
  std::vector<EvaluationSet> sets;
  std::vector<Column> set_labels, set_weights;
  std::vector<std::vector<float>> labels, weights;  // of the sets, read by the job
};

void read_sets(const Napi::Array& list, GrowJob& job, std::vector<Napi::Value>& pinned) {
  for (uint32_t i = 0; i < list.Length(); i++) {
    const Napi::Object spec = get_object(list.Get(i), "evaluation");
    EvaluationSet set;
    set.columns = read_columns_spec(spec, pinned);
    if (set.columns.columns.size() != job.table->bins.features.size())
      fail("ERR_TENSORWOOD_MODEL", "evaluation: expected the columns of the dataset");
    job.set_labels.push_back(read_numbers_spec(spec, "label", set.columns.rows, pinned));
    job.set_weights.push_back(read_numbers_spec(spec, "weight", set.columns.rows, pinned));
    job.sets.push_back(std::move(set));
  }
}

void read_set_labels(GrowJob& job) {
  for (size_t s = 0; s < job.sets.size(); s++) {
    const int64_t rows = job.sets[s].columns.rows;
    job.labels.push_back(read_numbers(job.set_labels[s], rows));
    job.weights.push_back(read_numbers(job.set_weights[s], rows));
    job.sets[s].labels = {job.labels[s].data(), job.weights[s].empty() ? nullptr : job.weights[s].data(), rows};
  }
}

// A job that is cancelled still resolves, with the forest grown so far: lib/trees keeps it and rejects with the signal's reason.
Status grow(GrowJob& job, Job& run) {
  const Dataset& table = *job.table;
  const Labels labels = {table.label.data(), table.weight.empty() ? nullptr : table.weight.data(), table.bins.rows};
  read_set_labels(job);
  Status status = check_labels("trainTrees", job.options, labels);
  for (const EvaluationSet& set : job.sets) {
    if (status.ok()) status = check_labels("evaluation", job.options, set.labels);
  }
  if (!status.ok()) return status;
  std::vector<double> event;
  const Report report = [&](int32_t rounds, const std::vector<double>& values) {
    event.assign(1, rounds);
    event.insert(event.end(), values.begin(), values.end());
    run.report(event.data(), event.size());
  };
  status = boost(table.bins, labels, job.sets, job.options, table.runtime->threads(), run.cancelled_flag(), report, job.model->forest);
  return run.cancelled() ? Status{} : status;
}

Napi::Value wrap_model(Napi::Env env, const std::shared_ptr<Model>& model) {
  model->account = std::make_unique<Account>(env, model->forest.bytes());
  return wrap(env, model);
}

Napi::Value grow_forest(const Napi::CallbackInfo& info) {
  const Napi::Object spec = get_object(info[1], "trainTrees");
  auto job = std::make_shared<GrowJob>();
  Task task;
  job->table = unwrap<Dataset>(info[0]);
  if (job->table->label.empty())
    fail("ERR_TENSORWOOD_DATA", "trainTrees: expected a dataset with labels and at least one row; give createDataset a label");
  job->options = read_options(spec);
  job->options.grow.accelerator = job->table->accelerator;
  job->model = std::make_shared<Model>(job->table->runtime);
  job->model->forest.about = read_text(spec.Get("about"), "about");
  read_sets(get_list(spec, "sets"), *job, task.pinned);
  check_memory(job->table->bins.rows * (24 + 12 * job->options.classes), "trainTrees", "use fewer rows or columns");
  // The root's histogram and a partial one for each other thread are certain; those of leaves are asked for as the tree grows.
  check_memory(job->table->runtime->threads().count() * int64_t{job->table->bins.slots} * 8, "trainTrees",
               "use fewer columns, bins or threads");
  if (info[2].IsFunction()) task.progress = info[2].As<Napi::Function>();
  task.work = [job](Job& run) { return grow(*job, run); };
  task.result = [job](Napi::Env env) { return wrap_model(env, job->model); };
  return start_job(info.Env(), job->table->runtime->coordinator(), std::move(task));
}

struct PredictJob {
  std::shared_ptr<Model> model;
  Columns columns;
  PredictOptions options;
  void* output;
};

// (forest, { columns, rows, output, from, to }, typed array)
PredictJob read_predict(const Napi::CallbackInfo& info, std::vector<Napi::Value>& pinned) {
  PredictJob job;
  job.model = unwrap<Model>(info[0]);
  const Forest& forest = job.model->forest;
  const Napi::Object spec = get_object(info[1], "predict");
  job.columns = read_columns_spec(spec, pinned);
  job.options = {static_cast<Output>(get_integer(spec, "output", 0, 2)),
                 static_cast<int32_t>(get_integer(spec, "from", 0, forest.rounds())),
                 static_cast<int32_t>(get_integer(spec, "to", 0, forest.rounds()))};
  if (job.options.from > job.options.to) fail("ERR_TENSORWOOD_ARGUMENT", "predict: expected from <= to");
  if (static_cast<int32_t>(job.columns.columns.size()) != forest.features()) {
    fail("ERR_TENSORWOOD_MODEL", "predict: expected the " + std::to_string(forest.features()) + " columns of the model, got " +
                                     std::to_string(job.columns.columns.size()));
  }
  const View output = read_view(info[2], "predict: output");
  const bool leaves = job.options.output == Output::leaf;
  const int64_t a_row = leaves ? static_cast<int64_t>(job.options.to - job.options.from) * forest.groups : forest.groups;
  if (info[2].As<Napi::TypedArray>().TypedArrayType() != (leaves ? napi_int32_array : napi_float32_array) ||
      output.bytes != job.columns.rows * a_row * 4) {
    fail("ERR_TENSORWOOD_ARGUMENT", "predict: expected an output of " + std::to_string(job.columns.rows * a_row) + " values");
  }
  job.output = output.data;
  pinned.push_back(info[2]);
  return job;
}

void run_predict(const PredictJob& job, const std::atomic<bool>& cancelled) {
  predict(job.model->forest, job.model->kernels, job.columns, job.options, job.model->runtime->threads(), cancelled, job.output);
}

Napi::Value predict_forest(const Napi::CallbackInfo& info) {
  Task task;
  const PredictJob job = read_predict(info, task.pinned);
  task.work = [job](Job& run) {
    run_predict(job, run.cancelled_flag());
    return run.cancelled() ? Status{"ERR_TENSORWOOD_ABORTED", "predict: the job was aborted"} : Status{};
  };
  return start_job(info.Env(), job.model->runtime->coordinator(), std::move(task));
}

Napi::Value predict_forest_sync(const Napi::CallbackInfo& info) {
  std::vector<Napi::Value> pinned;
  const PredictJob job = read_predict(info, pinned);
  const std::atomic<bool> cancelled{false};
  require(job.model->runtime->coordinator().run_here([&] {
    run_predict(job, cancelled);
    return Status{};
  }));
  return info.Env().Undefined();
}

// (forest, Float32Array or Float64Array of one row, Float32Array of its outputs, 1 for margins): on this thread, for latency.
Napi::Value predict_row(const Napi::CallbackInfo& info) {
  Model& model = *unwrap<Model>(info[0]);
  const Forest& forest = model.forest;
  napi_typedarray_type types[2];
  size_t lengths[2];
  void* data[2];
  for (int i = 0; i < 2; i++) {
    const napi_status status =
        napi_get_typedarray_info(info.Env(), info[static_cast<size_t>(i) + 1], &types[i], &lengths[i], &data[i], nullptr, nullptr);
    if (status != napi_ok || !(types[i] == napi_float32_array || (i == 0 && types[i] == napi_float64_array)))
      fail("ERR_TENSORWOOD_ARGUMENT", "predictRow: expected an array of floats");
  }
  if (static_cast<int64_t>(lengths[0]) != forest.features() || static_cast<int64_t>(lengths[1]) != forest.groups) {
    fail("ERR_TENSORWOOD_MODEL",
         "predictRow: expected " + std::to_string(forest.features()) + " features, got " + std::to_string(lengths[0]));
  }
  float* out = static_cast<float*>(data[1]);
  std::memcpy(out, forest.base.data(), sizeof(float) * forest.base.size());
  model.row.resize(lengths[0]);
  if (types[0] == napi_float64_array) {
    read_row(forest, static_cast<const double*>(data[0]), model.row.data());
  } else {
    read_row(forest, static_cast<const float*>(data[0]), model.row.data());
  }
  add_margins(forest, model.kernels, model.row.data(), 1, 0, static_cast<int64_t>(forest.trees.size()), out);
  if (!info[3].ToBoolean()) respond(forest, out, 1);
  return info.Env().Undefined();
}

// -> the bytes of the model file
Napi::Value bytes_of(Napi::Env env, const std::string& text) {
  Napi::Uint8Array bytes = Napi::Uint8Array::New(env, text.size());
  std::memcpy(bytes.Data(), text.data(), text.size());
  return bytes;
}

Napi::Value save_forest_sync(const Napi::CallbackInfo& info) { return bytes_of(info.Env(), write_forest(unwrap<Model>(info[0])->forest)); }

Napi::Value save_forest(const Napi::CallbackInfo& info) {
  const std::shared_ptr<Model> model = unwrap<Model>(info[0]);
  auto text = std::make_shared<std::string>();
  Task task;
  task.work = [model, text](Job& run) {
    *text = write_forest(model->forest, &run.cancelled_flag());
    return run.cancelled() ? Status{"ERR_TENSORWOOD_ABORTED", "save: the job was aborted"} : Status{};
  };
  task.result = [text](Napi::Env env) { return bytes_of(env, *text); };
  return start_job(info.Env(), model->runtime->coordinator(), std::move(task));
}

// (runtime, UTF-8, subject of errors)
Napi::Value load_forest(const Napi::CallbackInfo& info) {
  auto model = std::make_shared<Model>(unwrap<Runtime>(info[0]));
  const View view = read_view(info[1], "model");
  const std::string_view text(reinterpret_cast<const char*>(view.data), static_cast<size_t>(view.bytes));
  const std::string subject = read_text(info[2], "subject");
  Task task;
  task.pinned.push_back(info[1]);
  task.work = [model, text, subject](Job& job) { return read_forest(text, subject, model->forest, &job.cancelled_flag()); };
  task.result = [model](Napi::Env env) { return wrap_model(env, model); };
  return start_job(info.Env(), model->runtime->coordinator(), std::move(task));
}

// Sums over the splits of each feature.
Napi::Value describe_forest(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Forest& forest = unwrap<Model>(info[0])->forest;
  Napi::Float64Array gain = Napi::Float64Array::New(env, forest.categorical.size()),
                     splits = Napi::Float64Array::New(env, forest.categorical.size());
  int64_t nodes = 0;
  for (const Tree& tree : forest.trees) {
    nodes += static_cast<int64_t>(tree.nodes.size());
    for (const TreeNode& node : tree.nodes) {
      if (node.feature < 0) continue;
      gain[static_cast<size_t>(node.feature)] += node.gain;
      splits[static_cast<size_t>(node.feature)] += 1;
    }
  }
  Napi::Object answer = Napi::Object::New(env);
  answer.Set("objective", objective_name(forest.objective));
  answer.Set("classes", forest.groups);
  answer.Set("features", forest.features());
  answer.Set("rounds", forest.rounds());
  answer.Set("nodes", static_cast<double>(nodes));
  answer.Set("about", forest.about);
  answer.Set("gain", gain);
  answer.Set("splits", splits);
  return answer;
}

}  // namespace

bool dispose_tree_handle(const Napi::Value& value) { return dispose_as<Dataset>(value) || dispose_as<Model>(value); }

void add_tree_functions(Napi::Object exports) {
  add_dataset_functions(exports);
  add_function<grow_forest>(exports, "growForest");
  add_function<predict_forest>(exports, "predictForest");
  add_function<predict_forest_sync>(exports, "predictForestSync");
  add_function<predict_row>(exports, "predictRow");
  add_function<save_forest>(exports, "saveForest");
  add_function<save_forest_sync>(exports, "saveForestSync");
  add_function<load_forest>(exports, "loadForest");
  add_function<describe_forest>(exports, "describeForest");
}

}  // namespace tensorwood
