// Philox 4x32-10 of one instruction set against the known answers that its authors publish with Random123 (kat_vectors), in every lane.
#define TENSORWOOD_NAMESPACE kernels_philox_test
#include TENSORWOOD_ISA_HEADER
#include "cpu/isa/philox.h"

#include "expect.h"

using namespace tensorwood;
using namespace tensorwood::kernels_philox_test;

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
    const PhiloxStream stream = {answer.key[0], answer.key[1], answer.counter[2], answer.counter[3]};
    const uint64_t counter = answer.counter[0] | uint64_t{answer.counter[1]} << 32;
    for (int place = 0; place < Vector::lanes; place++) {
      uint32_t words[kDrawLanes];
      draw_words(stream, counter - static_cast<uint64_t>(place), kDrawLanes, words);
      for (int w = 0; w < 4; w++) EXPECT(words[4 * place + w] == answer.words[w]);
    }
  }
}

// The counter of an element carries from its low word into its high one.
static void carry() {
  const PhiloxStream stream = {1, 2, 3, 4};
  uint32_t before[2 * kDrawLanes], after[kDrawLanes];
  draw_words(stream, 0xffffffff, 2 * kDrawLanes, before);
  draw_words(stream, 0x100000000, kDrawLanes, after);
  for (int i = 0; i < kDrawLanes; i++) EXPECT(before[4 + i] == after[i]);
}

int main() {
  known_answers();
  carry();
  return finish();
}
