// A visitor of lowered code that can say what an expression is in terms of what stands outside of the visited
// statement. Internal to src/codegen.
#pragma once

#include <Halide.h>

#include <string>
#include <utility>
#include <vector>

namespace tilesmith {

class LetVisitor : public Halide::Internal::IRVisitor {
  protected:
    using Halide::Internal::IRVisitor::visit;

    void visit(const Halide::Internal::LetStmt* let) override {
        lets_.emplace_back(let->name, let->value);
        Halide::Internal::IRVisitor::visit(let);
        lets_.pop_back();
    }

    [[nodiscard]] Halide::Expr without_lets(Halide::Expr expression) const {
        for (auto let = lets_.rbegin(); let != lets_.rend(); ++let)
            expression = Halide::Internal::substitute(let->first, let->second, expression);
        return expression;
    }

  private:
    std::vector<std::pair<std::string, Halide::Expr>> lets_;
};

}  // namespace tilesmith
