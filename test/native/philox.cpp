// Philox 4x32-10 against the known answers that its authors publish with Random123 (kat_vectors), in every lane.
#include "core/philox.h"

#include "expect.h"

using namespace tensorwood;

struct Answer {
  uint32_t counter[4], key[2], words[4];
};

constexpr Answer kAnswers[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}, {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

static void known_answers() {
  for (const Answer& answer : kAnswers) {
    PhiloxBlock block;
    for (int w = 0; w < 4; w++) {
      for (int l = 0; l < kPhiloxLanes; l++) block.words[w][l] = answer.counter[w];
    }
    philox_rounds(block, answer.key[0], answer.key[1]);
    for (int w = 0; w < 4; w++) {
      for (int l = 0; l < kPhiloxLanes; l++) EXPECT(block.words[w][l] == answer.words[w]);
    }
  }
}

// The counter of an element carries from its low word into its high one.
static void counters() {
  const PhiloxStream stream = {1, 2, 3, 4};
  const uint64_t first = 0xfffffffeull;
  uint32_t words[4 * kPhiloxLanes];
  philox_elements(stream, first, words);
  for (int l = 0; l < kPhiloxLanes; l++) {
    PhiloxBlock block{};
    block.words[0][0] = static_cast<uint32_t>(first + l);
    block.words[1][0] = l < 2 ? 0 : 1;
    block.words[2][0] = 3;
    block.words[3][0] = 4;
    philox_rounds(block, 1, 2);
    for (int w = 0; w < 4; w++) EXPECT(words[4 * l + w] == block.words[w][0]);
  }
}

int main() {
  known_answers();
  counters();
  return finish();
}
