// The one exception of the program: a broken *run*. A failed candidate is an Outcome (core/outcome.h), never an
// exception.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace tilesmith {

class Error : public std::runtime_error {
  public:
    // The values are the exit status of the program (see the command line's help).
    enum class Kind { negative_answer = 1, bad_input = 2, run_failed = 3 };

    // `what` names what happened and where; `remedy` says what to do about it (may be empty).
    Error(Kind kind, const std::string& what, std::string remedy = "")
        : std::runtime_error(what), kind_(kind), remedy_(std::move(remedy)) {}

    [[nodiscard]] Kind kind() const { return kind_; }
    [[nodiscard]] int exit_status() const { return static_cast<int>(kind_); }
    [[nodiscard]] const std::string& remedy() const { return remedy_; }

  private:
    Kind kind_;
    std::string remedy_;
};

// The input is at fault and nothing was changed: exit status 2.
inline Error bad_input(const std::string& what, std::string remedy = "") {
    return {Error::Kind::bad_input, what, std::move(remedy)};
}

// The run itself failed (disk full, database locked or newer, worker lost): exit status 3.
inline Error run_failed(const std::string& what, std::string remedy = "") {
    return {Error::Kind::run_failed, what, std::move(remedy)};
}

// The answer is no (kernel wrong, required tuning missing): exit status 1.
inline Error negative_answer(const std::string& what, std::string remedy = "") {
    return {Error::Kind::negative_answer, what, std::move(remedy)};
}

}  // namespace tilesmith
