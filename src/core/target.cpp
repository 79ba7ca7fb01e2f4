// Targets are data: this file only reads them and chooses among them.
#include "core/target.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/embedded_targets.h"
#include "core/error.h"

namespace tilesmith {

namespace {

using Json = nlohmann::ordered_json;

// One field of the JSON: its name and how it gets into and out of a Target. Reading throws what is wrong with the
// value.
struct Field {
    std::string_view name;
    std::string_view kind;                           // what the value must be, for error messages
    bool (*read)(const Json& json, Target& target);  // false: the value is not of this kind
    Json (*write)(const Target& target);
};

template <std::string Target::*member>
bool read_text(const Json& json, Target& target) {
    if (!json.is_string() || json.get_ref<const std::string&>().empty()) return false;
    target.*member = json.get<std::string>();
    return true;
}

template <auto member>
bool read_number(const Json& json, Target& target, int64_t least, int64_t most) {
    if (!json.is_number_integer()) return false;
    const auto number = json.get<int64_t>();
    if (number < least || number > most) return false;
    target.*member = static_cast<std::remove_reference_t<decltype(target.*member)>>(number);
    return true;
}

template <auto member>
bool read_small(const Json& json, Target& target) {
    return read_number<member>(json, target, 1, 1024);
}

template <auto member, int64_t least>
bool read_bytes(const Json& json, Target& target) {
    return read_number<member>(json, target, least, int64_t{1} << 40);
}

bool read_vector_bits(const Json& json, Target& target) {
    return read_number<&Target::vector_bits>(json, target, 64, 65536) &&
           (target.vector_bits & (target.vector_bits - 1)) == 0;
}

bool read_features(const Json& json, Target& target) {
    if (!json.is_array()) return false;
    for (const Json& feature : json) {
        if (!feature.is_string()) return false;
        target.requires_features.push_back(feature.get<std::string>());
    }
    return true;
}

template <auto member>
Json write_field(const Target& target) {
    return target.*member;
}

constexpr std::string_view kText = "a text that is not empty";
constexpr std::string_view kSmall = "a whole number from 1 to 1024";

const std::vector<Field>& fields() {
    static const std::vector<Field> kFields = {
        {"name", kText, read_text<&Target::name>, write_field<&Target::name>},
        {"description", kText, read_text<&Target::description>, write_field<&Target::description>},
        {"halide", kText, read_text<&Target::halide>, write_field<&Target::halide>},
        {"llvm_cpu", kText, read_text<&Target::llvm_cpu>, write_field<&Target::llvm_cpu>},
        {"requires_features", "a list of feature names", read_features, write_field<&Target::requires_features>},
        {"vector_bits", "a power of two from 64 to 65536", read_vector_bits, write_field<&Target::vector_bits>},
        {"vector_registers", kSmall, read_small<&Target::vector_registers>, write_field<&Target::vector_registers>},
        {"fma_per_cycle", kSmall, read_small<&Target::fma_per_cycle>, write_field<&Target::fma_per_cycle>},
        {"loads_per_cycle", kSmall, read_small<&Target::loads_per_cycle>, write_field<&Target::loads_per_cycle>},
        {"l1_bytes", "a number of bytes from 1024", read_bytes<&Target::l1_bytes, 1024>,
         write_field<&Target::l1_bytes>},
        {"l2_bytes", "a number of bytes from 1024", read_bytes<&Target::l2_bytes, 1024>,
         write_field<&Target::l2_bytes>},
        {"l3_bytes", "a number of bytes, 0 for none", read_bytes<&Target::l3_bytes, 0>, write_field<&Target::l3_bytes>},
        {"line_bytes", kSmall, read_small<&Target::line_bytes>, write_field<&Target::line_bytes>},
    };
    return kFields;
}

std::string field_names() {
    std::string names;
    for (const Field& field : fields()) names += fmt::format("{}{}", names.empty() ? "" : ", ", field.name);
    return names;
}

Json parse_json(const std::string& text, const std::string& where) {
    try {
        return Json::parse(text);
    } catch (const Json::parse_error& error) {
        throw bad_input(fmt::format("{} is not JSON: {}", where, error.what()),
                        "targets/README.md describes the format");
    }
}

Target read_target(const std::string& path) {
    std::ifstream file(path);
    std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    if (!file.is_open() || file.bad())
        throw bad_input(fmt::format("the target file '{}' cannot be read", path), "check that it exists");
    return Target::from_json(parse_json(text, path), path);
}

}  // namespace

Target Target::from_json(const nlohmann::ordered_json& json, const std::string& where) {
    if (!json.is_object())
        throw bad_input(fmt::format("{} is not a JSON object", where), "fields are " + field_names());
    Target target;
    for (const Field& field : fields()) {
        if (!json.contains(field.name))
            throw bad_input(fmt::format("{} lacks the field '{}'", where, field.name),
                            fmt::format("it is {}", field.kind));
        if (!field.read(json.at(std::string(field.name)), target))
            throw bad_input(
                fmt::format("{}: the field '{}' is {}", where, field.name, json.at(std::string(field.name)).dump()),
                fmt::format("it must be {}", field.kind));
    }
    for (const auto& item : json.items()) {
        const auto known = [&item](const Field& field) { return field.name == item.key(); };
        if (std::none_of(fields().begin(), fields().end(), known))
            throw bad_input(fmt::format("{} has an unknown field '{}'", where, item.key()),
                            "fields are " + field_names());
    }
    return target;
}

nlohmann::ordered_json Target::to_json() const {
    Json json;
    for (const Field& field : fields()) json[std::string(field.name)] = field.write(*this);
    return json;
}

const std::vector<Target>& shipped_targets() {
    static const std::vector<Target> kTargets = [] {
        std::vector<Target> targets;
        for (const EmbeddedTarget& file : embedded_targets()) {
            const std::string where = fmt::format("targets/{}", file.file);
            targets.push_back(Target::from_json(parse_json(std::string(file.json), where), where));
        }
        return targets;
    }();
    return kTargets;
}

Target target_named(const std::string& name_or_path) {
    if (name_or_path.ends_with(".json")) return read_target(name_or_path);
    std::string names;
    for (const Target& target : shipped_targets()) {
        if (target.name == name_or_path) return target;
        names += fmt::format("{}, ", target.name);
    }
    throw bad_input(fmt::format("unknown target '{}'", name_or_path),
                    fmt::format("targets are {}or the path of a .json file", names));
}

const Target* nearest_target(const std::vector<std::string>& host_features) {
    const std::vector<Target>& targets = shipped_targets();
    const auto runs = [&](const Target& target) { return missing_features(target, host_features).empty(); };
    const auto best = std::find_if(targets.rbegin(), targets.rend(), runs);
    return best == targets.rend() ? nullptr : &*best;
}

std::vector<std::string> missing_features(const Target& target, const std::vector<std::string>& host_features) {
    std::vector<std::string> missing;
    for (const std::string& feature : target.requires_features)
        if (std::find(host_features.begin(), host_features.end(), feature) == host_features.end())
            missing.push_back(feature);
    return missing;
}

}  // namespace tilesmith
