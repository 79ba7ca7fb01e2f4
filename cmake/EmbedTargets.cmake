# Writes the JSON files of targets/ into a C++ file, so that the program needs no data files beside it.

# embed_targets(<output.cpp> <target>...): defines tilesmith::embedded_targets() of src/core/embedded_targets.h.
function(embed_targets output)
    set(rows "")
    foreach(target IN LISTS ARGN)
        set(file ${PROJECT_SOURCE_DIR}/targets/${target}.json)
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
        file(READ ${file} json)
        string(APPEND rows "    {\"${target}.json\", R\"json(${json})json\"},\n")
    endforeach()
    list(LENGTH ARGN count)
    file(
        CONFIGURE
        OUTPUT ${output}
        CONTENT
            [[// Generated from targets/*.json.
#include "core/embedded_targets.h"

#include <array>

namespace tilesmith {

namespace {

constexpr std::array<EmbeddedTarget, @count@> kTargets = {{
@rows@}};

}  // namespace

std::span<const EmbeddedTarget> embedded_targets() { return kTargets; }

}  // namespace tilesmith
]]
        @ONLY
    )
endfunction()
