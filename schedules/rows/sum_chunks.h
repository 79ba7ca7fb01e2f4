// The template sum_chunks: the norm of long rows as partial sums, one set a chunk.
#pragma once

#include "schedules/template.h"

namespace tilesmith {

struct SumChunks {
    static TemplateId id() { return {"sum_chunks", 1}; }
    static bool applies(const Problem& problem, const Target& target);
    static Space space(const Problem& problem, const Target& target, const Conditions& conditions);
    static Schedule default_schedule(const Problem& problem, const Target& target, const Conditions& conditions);
    static Pipeline build(const Problem& problem, const Schedule& schedule, const Target& target,
                          const Conditions& conditions);
};

}  // namespace tilesmith
