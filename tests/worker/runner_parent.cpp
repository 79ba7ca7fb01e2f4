// A tuner that is measuring an endless kernel, to be killed by a test: prints "ready" once its children are busy.
#include <iostream>

#include "tests/worker/bad_runner.h"

int main() {
    using namespace tilesmith;
    LocalRunnerOptions options = bad_options();
    options.run_limit_s = 60;
    options.compile_limit_s = 60;
    LocalRunner runner(options);
    runner.submit({named_schedule("good"), named_schedule("never_ends"), named_schedule("compiler_never_ends")});
    runner.next(20);
    runner.next(1);
    std::cout << "ready" << std::endl;
    runner.next(30);
    return 0;
}
