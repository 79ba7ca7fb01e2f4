// Stands in for the program in the tests: checks a library when the export asks for it.
#include <iostream>
#include <string>

#include "export/export.h"

int main(int argc, char** argv) {
    if (argc != 4 || std::string(argv[1]) != "verify-library") {
        std::cerr << "usage: export_verifier verify-library LIBRARY MANIFEST\n";
        return 2;
    }
    return tilesmith::verify_library_main(argv[2], argv[3]);
}
