// Choosing convolution algorithms by measuring them while a program is compiled.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "engine.h"

namespace fovea {

/** How the convolutions of a program get their algorithm. */
struct ConvPolicy {
  /** Direct convolution only. */
  bool exact = false;
  /** Choices come from `known` (true: Winograd); what is missing there is measured. */
  bool tune = false;
  std::map<std::string, bool> known;
};

/** One of the two algorithms of a convolution, ready to run on memory of its own. */
struct ConvCandidate {
  dnnl::primitive primitive;
  /** Argument and layout, what is read before what is written; scratch memory is among the latter. */
  std::vector<std::pair<int, Desc>> reads, writes;
  double best = 0;
  int runs = 0;
};

/** A convolution that both algorithms can do, and how often the program does it. */
struct ConvTrial {
  std::string key;
  int uses = 0;
  /** What the table says, or what was measured before. */
  bool winograd = false;
  bool known = false;
  ConvCandidate direct, fast;
};

/**
 * Runs both algorithms of each convolution that is not known and sets `winograd` of those where the other one is clearly
 * faster than what the table says. Takes about as long as three times all convolutions of the program: first what the
 * table would take, once each (which says how long that is), then the others, then both again where they are close.
 * @returns how many convolutions were measured
 */
int measureTrials(Engine& engine, std::vector<ConvTrial>& trials);

}  // namespace fovea
