// The only file that includes Node's headers: every file of native/napi sees them with the same settings (see CMakeLists.txt for the
// defines).
#pragma once
#define NODE_API_NO_EXTERNAL_BUFFERS_ALLOWED  // results are V8's own memory: it can be transferred, and some embedders forbid the other
                                              // kind
#include <napi.h>
