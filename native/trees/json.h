// A pull reader of JSON text that trusts nothing: it never reads past the end, bounds nesting, and throws Malformed with the position. At
// each object and every some elements it looks whether it is cancelled.
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

// Digits as both kinds of number: rounding an f64 to f32 is not always what the digits say. `single` is NaN where they lie beyond f32.
struct Decimal {
  double value;
  float single;
};

struct Cancelled {};

class JsonReader {
 public:
  explicit JsonReader(std::string_view text, const std::atomic<bool>* cancelled = nullptr)
      : start_(text.data()), at_(text.data()), end_(text.data() + text.size()), cancelled_(cancelled) {}

  void stop_if_cancelled() const {
    if (cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed)) throw Cancelled{};
  }
  // Calls field(name) for every member; it must read the value or skip() it.
  template <class F>
  void object(const F& field) {
    stop_if_cancelled();
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
    int64_t count = 0;
    do {
      if (count++ % kElements == 0) stop_if_cancelled();
      element();
    } while (take(','));
    expect(']');
  }

  std::string string();  // without escapes: names here are plain
  int64_t integer(int64_t least, int64_t most);
  Decimal decimal();  // finite as f64
  std::vector<int32_t> integers(int64_t least, int64_t most);
  std::vector<float> numbers();  // finite
  std::vector<double> doubles();
  std::string_view skip();  // -> the text of the value
  void finish();            // nothing but space is left
  [[noreturn]] void refuse(const std::string& expected) const;

 private:
  static constexpr int64_t kElements = 4096;  // of an array between two looks

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
