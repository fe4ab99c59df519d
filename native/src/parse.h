// Reads the lowered graph from JavaScript objects.
#pragma once
#include <napi.h>

#include "types.h"

namespace fovea {
TensorType parseType(const Napi::Object& o);
GraphSpec parseGraph(const Napi::Object& o);
}  // namespace fovea
