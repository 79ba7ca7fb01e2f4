#include "core/schedule.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/hash.h"

namespace tilesmith {

std::string value_text(const Value& value) {
    if (const auto* number = std::get_if<int64_t>(&value)) return fmt::format("{}", *number);
    return std::get<std::string>(value);
}

const Value* Schedule::find(std::string_view decision) const {
    for (const auto& [name, value] : values_)
        if (name == decision) return &value;
    return nullptr;
}

int64_t Schedule::number(std::string_view decision) const {
    const Value* value = find(decision);
    if (value != nullptr)
        if (const auto* number = std::get_if<int64_t>(value)) return *number;
    throw run_failed(fmt::format("schedule {} has no number for decision '{}'", text(), decision));
}

const std::string& Schedule::choice(std::string_view decision) const {
    const Value* value = find(decision);
    if (value != nullptr)
        if (const auto* name = std::get_if<std::string>(value)) return *name;
    throw run_failed(fmt::format("schedule {} has no choice for decision '{}'", text(), decision));
}

Schedule& Schedule::set(std::string_view decision, Value value) {
    for (auto& [name, old] : values_)
        if (name == decision) {
            old = std::move(value);
            return *this;
        }
    values_.emplace_back(decision, std::move(value));
    return *this;
}

void Schedule::keep_first(size_t count) {
    if (count < values_.size()) values_.erase(values_.begin() + static_cast<std::ptrdiff_t>(count), values_.end());
}

nlohmann::ordered_json Schedule::to_json() const {
    nlohmann::ordered_json json;
    json["template"] = id_.name;
    json["version"] = id_.version;
    for (const auto& [name, value] : values_) std::visit([&json, &key = name](const auto& v) { json[key] = v; }, value);
    return json;
}

Schedule Schedule::from_json(const nlohmann::ordered_json& json) {
    if (!json.is_object() || !json.contains("template") || !json["template"].is_string())
        throw bad_input("a schedule needs a field 'template' with the template's name",
                        "see `tilesmith list templates`");
    if (json.contains("version") && !json["version"].is_number_integer())
        throw bad_input("the field 'version' of a schedule must be a whole number");
    Schedule schedule(TemplateId{json["template"].get<std::string>(), json.value("version", 1)});
    for (const auto& [name, value] : json.items()) {
        if (name == "template" || name == "version") continue;
        if (value.is_number_integer()) {
            schedule.set(name, value.get<int64_t>());
        } else if (value.is_string()) {
            schedule.set(name, value.get<std::string>());
        } else {
            throw bad_input(fmt::format("the decision '{}' of a schedule must be a whole number or a name", name));
        }
    }
    return schedule;
}

std::string Schedule::text() const { return to_json().dump(); }

uint64_t Schedule::hash() const { return stable_hash(text()); }

}  // namespace tilesmith
