// Model files that cannot be: each is refused, and what differs from it by one list is not.
#pragma once
#include <cstring>
#include <string>

#include "expect.h"
#include "trees/model_io.h"

using namespace tensorwood;

// As the only tree of a model of a column of categories and one of numbers.
static bool accepts_tree(const std::string& tree, const char* version = "1") {
  Forest forest;
  return read_forest(std::string(R"({"format":"tensorwood-forest","version":)") + version +
                         R"(,"objective":"regression","classes":1,"categorical":[1,0],"base":[0],"trees":[)" + tree + "]}",
                     "test", forest)
      .ok();
}

// A tree of two splits with one list exchanged.
static bool accepts(const char* list, const std::string& values, const char* version = "1") {
  std::string tree =
      R"({"group":0,"feature":[0,-1,1,-1,-1],"left":[1,-1,3,-1,-1],"value":[0,1,2,3,4],"missing_left":[0,0,0,0,0],"gain":[0,0,0,0,0],)"
      R"("weight":[0,0,0,0,0],"rows":[1,1,1,1,1],"set":[0,-1,-1,-1,-1],"sets":[1,1]})";
  const size_t at = tree.find(std::string("\"") + list + "\":[") + std::strlen(list) + 4;
  tree.replace(at, tree.find(']', at) - at, values);
  return accepts_tree(tree, version);
}

static bool accepts_ranked(const std::string& ranked, const std::string& values) {
  return accepts("value", values, (R"(2,"ranked":[)" + ranked + "]").c_str());
}

static void impossible_trees() {
  EXPECT(accepts("set", "0,-1,-1,-1,-1"));
  EXPECT(!accepts("set", "0,2000000000,-1,-1,-1"));  // a leaf with categories
  EXPECT(!accepts("set", "0,-1,0,-1,-1"));           // categories of a number
  EXPECT(!accepts("set", "-1,-1,-1,-1,-1"));         // a category without them
  EXPECT(!accepts("set", "2,-1,-1,-1,-1"));          // past the end
  EXPECT(!accepts("sets", "2,1"));                   // longer than the list
  EXPECT(!accepts("feature", "0,-1,2,-1,-1"));       // no such feature
  EXPECT(!accepts("left", "1,-1,4,-1,-1"));          // a child past the end
  EXPECT(!accepts("left", "0,-1,3,-1,-1"));          // its own child
  EXPECT(!accepts("left", "3,-1,3,-1,-1"));          // the left children of two
  EXPECT(!accepts_tree(R"({"group":0,"feature":[1,1,1,-1,-1,-1],"left":[1,4,3,-1,-1,-1],"value":[0,0,0,1,2,3],)"
                       R"("missing_left":[0,0,0,0,0,0],"gain":[0,0,0,0,0,0],"weight":[0,0,0,0,0,0],"rows":[1,1,1,1,1,1]})"));
  std::string many = "2049";
  for (int word = 0; word < 2049; word++) many += ",4294967295";
  EXPECT(!accepts("sets", many));             // more categories than a column can have
  EXPECT(!accepts("value", "0,1,2,3,1e39"));  // a leaf beyond f32
  EXPECT(!accepts("value", "0,1,1e39,3,4"));  // a threshold beyond f32
  EXPECT(accepts_ranked("0,1", "0,1,1e39,3,4"));
  EXPECT(!accepts_ranked("0,1", "0,1e39,2,3,4"));   // a leaf beyond f32, still
  EXPECT(!accepts_ranked("0,1", "0,1,1e309,3,4"));  // a threshold beyond f64
  EXPECT(!accepts_ranked("1,0", "0,1,2,3,4"));      // ranks of categories
  EXPECT(!accepts_ranked("0", "0,1,2,3,4"));        // too few
}
