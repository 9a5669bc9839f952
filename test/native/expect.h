// The smallest test frame: expect() counts failures and prints where; finish() gives the exit code.
#pragma once
#include <cstdio>

static int failures = 0;

#define EXPECT(condition)                                                  \
  do {                                                                     \
    if (!(condition)) {                                                    \
      failures++;                                                          \
      std::printf("%s:%d: expected %s\n", __FILE__, __LINE__, #condition); \
    }                                                                      \
  } while (0)

static int finish() {
  if (failures == 0) std::printf("ok\n");
  return failures == 0 ? 0 : 1;
}
