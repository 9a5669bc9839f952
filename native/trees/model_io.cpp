// Writing and reading of model files.
#include "trees/model_io.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "trees/json.h"

namespace tensorwood {
namespace {

constexpr const char* kFormat = "tensorwood-forest";
constexpr const char* kObjectives[] = {"regression", "binary", "multiclass"};
constexpr int64_t kMostFeatures = 1 << 24, kMostNodes = INT32_MAX - 2, kMostClasses = 1 << 16, kMostCuts = 1 << 24,
                  kMostSetWords = (1 << 16) / 32;  // every set ends below kUnknownCategory

template <class T>
void append(std::string& out, T value) {
  char digits[32];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

// A number that as_kept() made: the digits of a float where it is one.
struct Kept {
  double value;
};
void append(std::string& out, Kept kept) {
  const float single = static_cast<float>(kept.value);
  std::isfinite(single) ? append(out, single) : append(out, kept.value);
}

template <class Items, class Get>
void write_list(std::string& out, const char* name, const Items& items, const Get& get) {
  out += std::string("\"") + name + "\":[";
  bool first = true;
  for (const auto& item : items) {
    if (!first) out += ',';
    first = false;
    append(out, get(item));
  }
  out += ']';
}

// The value of a leaf or the threshold of a split.
void append_value(std::string& out, const Forest& forest, const TreeNode& node) {
  if (node.feature < 0) return append(out, node.value);
  if (forest.ranked[static_cast<size_t>(node.feature)]) return append(out, node.threshold);
  append(out, static_cast<float>(node.threshold));
}

void write_tree(std::string& out, const Forest& forest, const Tree& tree) {
  out += "{\"group\":";
  append(out, tree.group);
  out += ',';
  write_list(out, "feature", tree.nodes, [](const TreeNode& n) { return n.feature; });
  write_list(out += ',', "left", tree.nodes, [](const TreeNode& n) { return n.left; });
  out += ",\"value\":[";
  for (size_t i = 0; i < tree.nodes.size(); i++) {
    if (i > 0) out += ',';
    append_value(out, forest, tree.nodes[i]);
  }
  out += ']';
  write_list(out += ',', "missing_left", tree.nodes, [](const TreeNode& n) { return static_cast<int>(n.missing_left); });
  write_list(out += ',', "gain", tree.nodes, [](const TreeNode& n) { return Kept{n.gain}; });
  write_list(out += ',', "weight", tree.nodes, [](const TreeNode& n) { return Kept{n.weight}; });
  write_list(out += ',', "rows", tree.nodes, [](const TreeNode& n) { return n.rows; });
  if (!tree.sets.empty()) {
    write_list(out += ',', "set", tree.nodes, [](const TreeNode& n) { return n.set; });
    write_list(out += ',', "sets", tree.sets, [](uint32_t word) { return word; });
  }
  out += '}';
}

// One list a field, as the file has them.
struct Lists {
  std::vector<int32_t> feature, left, missing_left, set;
  std::vector<Decimal> value;
  std::vector<double> gain, weight, rows;
};

void require(const JsonReader& in, bool fits, const char* expected) {
  if (!fits) in.refuse(expected);
}

Lists read_lists(JsonReader& in, Tree& tree) {
  Lists l;
  in.object([&](const std::string& name) {
    if (name == "group")
      tree.group = static_cast<int32_t>(in.integer(0, kMostClasses));
    else if (name == "feature")
      l.feature = in.integers(-1, kMostFeatures);
    else if (name == "left")
      l.left = in.integers(-1, kMostNodes);
    else if (name == "value")
      in.array([&] { l.value.push_back(in.decimal()); });
    else if (name == "missing_left")
      l.missing_left = in.integers(0, 1);
    else if (name == "gain")
      l.gain = in.doubles();
    else if (name == "weight")
      l.weight = in.doubles();
    else if (name == "rows")
      l.rows = in.doubles();
    else if (name == "set")
      l.set = in.integers(-1, kMostNodes);
    else if (name == "sets")
      in.array([&] { tree.sets.push_back(static_cast<uint32_t>(in.integer(0, UINT32_MAX))); });
    else
      in.skip();
  });
  const size_t n = l.feature.size();
  if (l.set.empty()) l.set.assign(n, -1);
  require(in,
          n > 0 && l.left.size() == n && l.value.size() == n && l.missing_left.size() == n && l.gain.size() == n && l.weight.size() == n &&
              l.rows.size() == n && l.set.size() == n,
          "lists of one length in a tree");
  return l;
}

Tree read_tree(JsonReader& in) {
  Tree tree;
  const Lists l = read_lists(in, tree);
  for (size_t i = 0; i < l.feature.size(); i++) {
    const Decimal& value = l.value[i];
    tree.nodes.push_back({value.single, l.feature[i], l.left[i], l.set[i], l.missing_left[i] == 1, as_kept(l.gain[i]), as_kept(l.weight[i]),
                          l.rows[i], value.value});
  }
  return tree;
}

// Every node but the first is the child of exactly one node before it; sets lie inside and belong to splits of categorical features.
void check_tree(const JsonReader& in, const Forest& forest, const Tree& tree, int32_t group) {
  const int64_t n = static_cast<int64_t>(tree.nodes.size());
  in.stop_if_cancelled();
  std::vector<uint8_t> has_parent(tree.nodes.size(), 0);
  require(in, tree.group == group, "the trees of a round in the order of their classes");
  for (int64_t i = 0; i < n; i++) {
    const TreeNode& node = tree.nodes[static_cast<size_t>(i)];
    require(in, (i == 0) == (has_parent[static_cast<size_t>(i)] == 0), "one parent for every node but the first");
    if (node.feature < 0) {
      require(in, node.set < 0, "sets in splits alone");
      continue;
    }
    require(in, node.feature < forest.features(), "features of the model in every split");
    require(in, node.left > i && node.left + 1 < n, "children after their parent");
    uint8_t* children = has_parent.data() + node.left;
    require(in, !children[0] && !children[1], "one parent for every node but the first");
    children[0] = children[1] = 1;
    require(in, (node.set >= 0) == (forest.categorical[static_cast<size_t>(node.feature)] == 1), "a set for every categorical split");
    if (node.set < 0) continue;
    const int64_t size = static_cast<int64_t>(tree.sets.size());
    const int64_t words = node.set < size ? tree.sets[static_cast<size_t>(node.set)] : kMostSetWords + 1;
    require(in, words <= kMostSetWords && words < size - node.set, "sets inside their tree");
  }
}

// Thresholds are f64 in ranked features alone; everything else that a node holds is an f32.
void round_values(const JsonReader& in, const Forest& forest, Tree& tree) {
  in.stop_if_cancelled();
  for (TreeNode& node : tree.nodes) {
    const bool split = node.feature >= 0;
    if (!split || !forest.ranked[static_cast<size_t>(node.feature)]) {
      require(in, std::isfinite(node.value), "finite 32-bit numbers in leaves and splits");
      node.threshold = node.value;
    }
    if (split) node.value = 0;
  }
}

// Every threshold of a ranked feature, once.
void collect_cuts(const JsonReader& in, Forest& forest) {
  forest.cuts.assign(forest.ranked.size(), {});
  for (const Tree& tree : forest.trees) {
    in.stop_if_cancelled();
    for (const TreeNode& node : tree.nodes) {
      if (node.feature >= 0 && forest.ranked[static_cast<size_t>(node.feature)])
        forest.cuts[static_cast<size_t>(node.feature)].push_back(node.threshold);
    }
  }
  for (std::vector<double>& cuts : forest.cuts) {
    std::sort(cuts.begin(), cuts.end());
    cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
    require(in, static_cast<int64_t>(cuts.size()) <= kMostCuts, "at most 2^24 thresholds of a feature");
  }
}

void check_ranked(const JsonReader& in, const Forest& forest) {
  require(in, forest.ranked.size() == forest.categorical.size(), "ranked for every feature");
  for (size_t f = 0; f < forest.ranked.size(); f++) require(in, !(forest.ranked[f] && forest.categorical[f]), "ranked features of numbers");
}

void check_forest(const JsonReader& in, const Forest& forest) {
  const size_t groups = static_cast<size_t>(forest.groups);
  require(in, (forest.objective == Objective::softmax) == (forest.groups > 1), "several classes exactly when the objective is multiclass");
  require(in, forest.base.size() == groups, "one base margin a class");
  require(in, forest.trees.size() % groups == 0, "as many trees for every class");
  require(in, !forest.categorical.empty() && forest.categorical.size() <= kMostFeatures, "at least one feature, and at most 2^24");
  for (size_t t = 0; t < forest.trees.size(); t++) check_tree(in, forest, forest.trees[t], static_cast<int32_t>(t % groups));
}

Objective read_objective(JsonReader& in) {
  const std::string name = in.string();
  for (int32_t i = 0; i < 3; i++) {
    if (name == kObjectives[i]) return static_cast<Objective>(i);
  }
  in.refuse("objective regression, binary or multiclass");
}

void read_text(JsonReader& in, Forest& forest) {
  std::string format;
  int64_t version = 0;
  in.object([&](const std::string& name) {
    if (name == "format")
      format = in.string();
    else if (name == "version")
      version = in.integer(0, INT32_MAX);
    else if (name == "objective")
      forest.objective = read_objective(in);
    else if (name == "classes")
      forest.groups = static_cast<int32_t>(in.integer(1, kMostClasses));
    else if (name == "about")
      forest.about = std::string(in.skip());
    else if (name == "base")
      forest.base = in.numbers();
    else if (name == "categorical")
      in.array([&] { forest.categorical.push_back(static_cast<uint8_t>(in.integer(0, 1))); });
    else if (name == "ranked")
      in.array([&] { forest.ranked.push_back(static_cast<uint8_t>(in.integer(0, 1))); });
    else if (name == "trees")
      in.array([&] { forest.trees.push_back(read_tree(in)); });
    else
      in.skip();
  });
  in.finish();
  if (format != kFormat) throw Malformed{std::string("expected a file of format ") + kFormat + ", got another JSON file"};
  if (version != 1 && version != 2)
    throw Malformed{"expected version 1 or 2, got " + std::to_string(version) + "; the file is from a later tensorwood"};
  if (version == 1) forest.ranked.assign(forest.categorical.size(), 0);
  check_ranked(in, forest);
  check_forest(in, forest);
  for (Tree& tree : forest.trees) round_values(in, forest, tree);
  collect_cuts(in, forest);
}

}  // namespace

const char* objective_name(Objective objective) { return kObjectives[static_cast<int32_t>(objective)]; }

std::string write_forest(const Forest& forest, const std::atomic<bool>* cancelled) {
  std::string out = std::string("{\"format\":\"") + kFormat + "\",\"version\":" + (forest.has_ranks ? "2" : "1") + ",\"objective\":\"" +
                    objective_name(forest.objective) + "\",\"classes\":";
  append(out, forest.groups);
  out += ",\n\"about\":" + forest.about + ",\n";
  write_list(out, "categorical", forest.categorical, [](uint8_t c) { return static_cast<int>(c); });
  if (forest.has_ranks) write_list(out += ",\n", "ranked", forest.ranked, [](uint8_t r) { return static_cast<int>(r); });
  write_list(out += ",\n", "base", forest.base, [](float m) { return m; });
  out += ",\n\"trees\":[";
  for (size_t t = 0; t < forest.trees.size(); t++) {
    if (cancelled != nullptr && cancelled->load(std::memory_order_relaxed)) return {};
    out += t == 0 ? "\n" : ",\n";
    write_tree(out, forest, forest.trees[t]);
  }
  return out + "]}\n";
}

Status read_forest(std::string_view text, const std::string& subject, Forest& forest, const std::atomic<bool>* cancelled) {
  try {
    JsonReader in(text, cancelled);
    read_text(in, forest);
  } catch (const Malformed& problem) {
    return {"ERR_TENSORWOOD_FORMAT", subject + ": " + problem.what};
  } catch (const Cancelled&) {
    return {"ERR_TENSORWOOD_ABORTED", subject + ": aborted"};
  }
  compact(forest);
  return {};
}

}  // namespace tensorwood
