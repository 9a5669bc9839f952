// Radix sort of floats by 11 bits a pass: the first step of quantiles and of the area under the curve.
#pragma once
#include <cstdint>
#include <cstring>
#include <vector>

namespace tensorwood {

// Ordered as the floats are; -0 and 0 are one value. Not for NaN.
inline uint32_t sortable(float v) {
  v = v == 0 ? 0.0f : v;
  uint32_t u;
  std::memcpy(&u, &v, 4);
  return (u >> 31) ? ~u : u | 0x80000000u;
}

inline float unsortable(uint32_t u) {
  u = (u >> 31) ? u & 0x7fffffffu : ~u;
  float v;
  std::memcpy(&v, &u, 4);
  return v;
}

// Ascending by the 32 bits that key(item) gives; items of equal keys keep their order.
template <class Item, class Key>
void radix_sort(std::vector<Item>& items, const Key& key) {
  std::vector<Item> other(items.size());
  for (int shift = 0; shift < 32; shift += 11) {
    std::vector<size_t> place(2049, 0);
    for (const Item& item : items) place[((key(item) >> shift) & 2047u) + 1]++;
    for (size_t i = 1; i < place.size(); i++) place[i] += place[i - 1];
    for (const Item& item : items) other[place[(key(item) >> shift) & 2047u]++] = item;
    items.swap(other);
  }
}

}  // namespace tensorwood
