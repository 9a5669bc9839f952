// The numbers by which programs name what kernels do to an element: the instructions of the elementwise machine, as in
// lib/ops/elementwise.ts, and the activations of linear, as in lib/ops/matmul.ts. Every back-end reads them here.
#pragma once
#include <cstdint>

namespace tensorwood {

enum InstructionCode : int {
  kConstant,
  kAdd,
  kSub,
  kMul,
  kDiv,
  kPow,
  kNeg,
  kAbs,
  kExp,
  kLog,
  kSqrt,
  kRsqrt,
  kSquare,
  kReciprocal,
  kTanh,
  kSigmoid,
  kRelu,
  kGelu,
  kGeluTanh,
  kSilu,
  kErf,
  kSin,
  kCos,
  kMaximum,
  kMinimum,
  kClamp,
  kWhere,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kLogicalAnd,
  kLogicalOr,
  kLogicalNot,
  kCastF32,
  kCastBf16,
  kCastI32,
  kCastU8,
  kCastBool,
  kGeluDerivative,
  kGeluTanhDerivative,
  kSign,
  kCodes
};

enum class Activation : int32_t { none, relu, gelu, gelu_tanh };
constexpr int kActivations = 4;

}  // namespace tensorwood
