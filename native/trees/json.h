// A pull reader of JSON text that trusts nothing: it never reads past the end, bounds nesting, and throws Malformed with the position. At
// each object it looks whether it is cancelled.
#pragma once
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tensorwood {

struct Malformed {
  std::string what;
};

struct Cancelled {};

class JsonReader {
 public:
  explicit JsonReader(std::string_view text, const std::atomic<bool>* cancelled = nullptr)
      : start_(text.data()), at_(text.data()), end_(text.data() + text.size()), cancelled_(cancelled) {}

  // Calls field(name) for every member; it must read the value or skip() it.
  template <class F>
  void object(const F& field) {
    if (cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed)) throw Cancelled{};
    expect('{');
    if (take('}')) return;
    do {
      const std::string name = string();
      expect(':');
      field(name);
    } while (take(','));
    expect('}');
  }
  // Calls element() for every element; it must read it or skip() it.
  template <class F>
  void array(const F& element) {
    expect('[');
    if (take(']')) return;
    do {
      element();
    } while (take(','));
    expect(']');
  }

  std::string string();  // without escapes: names here are plain
  int64_t integer(int64_t least, int64_t most);
  std::vector<int32_t> integers(int64_t least, int64_t most);
  std::vector<float> numbers();  // finite
  std::vector<double> doubles();
  std::string_view skip();  // -> the text of the value
  void finish();            // nothing but space is left
  [[noreturn]] void refuse(const std::string& expected) const;

 private:
  template <class T>
  T real();
  void space();
  bool take(char c);
  void expect(char c);
  void skip_value(int depth);
  void skip_string();

  const char *start_, *at_, *end_;
  const std::atomic<bool>* cancelled_;
};

}  // namespace tensorwood
