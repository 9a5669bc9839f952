// Radix sort of numbers by 11 bits a pass: the first step of quantiles and of the area under the curve.
#pragma once
#include <cstdint>
#include <cstring>
#include <vector>

namespace tensorwood {

// Ordered as the numbers are; -0 and 0 are one value. Not for NaN.
inline uint32_t sortable(float v) {
  v = v == 0 ? 0.0f : v;
  uint32_t u;
  std::memcpy(&u, &v, 4);
  return (u >> 31) ? ~u : u | 0x80000000u;
}
inline uint64_t sortable(double v) {
  v = v == 0 ? 0.0 : v;
  uint64_t u;
  std::memcpy(&u, &v, 8);
  return (u >> 63) ? ~u : u | (uint64_t{1} << 63);
}

inline float unsortable(uint32_t u) {
  u = (u >> 31) ? u & 0x7fffffffu : ~u;
  float v;
  std::memcpy(&v, &u, 4);
  return v;
}
inline double unsortable(uint64_t u) {
  u = (u >> 63) ? u & ~(uint64_t{1} << 63) : ~u;
  double v;
  std::memcpy(&v, &u, 8);
  return v;
}

// Ascending by all bits that key(item) gives; items of equal keys keep their order. A pass over bits that all items share is left out: most
// doubles of real tables end in zeros.
template <class Item, class Key>
void radix_sort(std::vector<Item>& items, const Key& key) {
  constexpr int bits = static_cast<int>(sizeof(decltype(key(items.front()))) * 8);
  std::vector<Item> other(items.size());
  for (int shift = 0; shift < bits; shift += 11) {
    std::vector<size_t> place(2049, 0);
    for (const Item& item : items) place[((key(item) >> shift) & 2047u) + 1]++;
    if (!items.empty() && place[((key(items.front()) >> shift) & 2047u) + 1] == items.size()) continue;
    for (size_t i = 1; i < place.size(); i++) place[i] += place[i - 1];
    for (const Item& item : items) other[place[(key(item) >> shift) & 2047u]++] = item;
    items.swap(other);
  }
}

}  // namespace tensorwood
