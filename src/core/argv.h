// A child process's arguments as exec wants them.
#pragma once

#include <string>
#include <vector>

namespace tilesmith {

// Pointers into `words`, which must outlive them, and the null pointer that ends the list.
inline std::vector<char*> argv_of(std::vector<std::string>& words) {
    std::vector<char*> pointers;
    pointers.reserve(words.size() + 1);
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    return pointers;
}

}  // namespace tilesmith
