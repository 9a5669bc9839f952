// Whether bytes are UTF-8, for what the CSV reader names and shows; and how what is not is shown.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace tensorwood::csv {

// Bytes of the character that begins the text, which is not empty; 0 when it is none (Unicode 16, table 3-7).
inline size_t character_length(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : 0; };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  const uint8_t second = byte(1);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool outside = (first == 0xed && second >= 0xa0) || (first == 0xf4 && second >= 0x90);
  return overlong || outside ? 0 : length;
}

inline bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = character_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

inline std::string from_latin1(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const uint8_t code = static_cast<uint8_t>(c);
    if (code < 0x80) {
      text.push_back(c);
    } else {
      text.push_back(static_cast<char>(0xc0 | code >> 6));
      text.push_back(static_cast<char>(0x80 | (code & 0x3f)));
    }
  }
  return text;
}

// At most so many bytes from the beginning of a text, and no part of a character.
inline std::string_view beginning(std::string_view text, size_t most) {
  if (text.size() <= most) return text;
  size_t end = most;
  while (end > 0 && most - end < 3 && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

// As much of a field as doubts keep: more than a note shows of it, in any script.
constexpr size_t kDoubtBytes = 120;
inline std::string_view kept_of(std::string_view field) { return beginning(field, kDoubtBytes); }

// A field as errors show it: about its first 40 bytes.
inline std::string shown(std::string_view field) {
  constexpr size_t most = 40;
  if (!is_utf8(field)) return "the bytes of '" + from_latin1(field.substr(0, most)) + "', which are no UTF-8";
  return "'" + std::string(beginning(field, most)) + "'";
}

}  // namespace tensorwood::csv
