// The shared library shows the functions of its headers, under the version of its soname, and nothing else.
//
// SPDX-License-Identifier: Apache-2.0
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "scene.h"

namespace {

// What `nm` lists as defined in the dynamic symbol table, "samlet_version@@SAMLET_0"; empty when the library
// or nm is not there.
std::set<std::string> exported_symbols() {
    std::set<std::string> names;
    const char* library = std::getenv("SAMLET_SHARED_LIBRARY");
    if (!library || !*library) return names;
    const std::string command = std::string("nm -D --defined-only '") + library + "'";
    FILE* pipe = popen(command.c_str(), "r");
    if (!pipe) return names;
    char line[1024], name[1024];
    while (std::fgets(line, sizeof line, pipe))
        if (std::sscanf(line, "%*s %*s %1023s", name) == 1) names.insert(name);
    pclose(pipe);
    return names;
}

// The functions that samlet.h declares: "samlet_name(" after SAMLET_API.
std::set<std::string> declared_functions() {
    std::ifstream file(SAMLET_SOURCE_DIR "/include/samlet/samlet.h");
    std::stringstream text;
    text << file.rdbuf();
    const std::string header = text.str();
    std::set<std::string> names;
    for (size_t at = 0; (at = header.find("\nSAMLET_API ", at)) != std::string::npos; at++) {
        const size_t end = header.find('(', at);
        size_t first = end;
        while (std::isalnum(static_cast<unsigned char>(header[first - 1])) || header[first - 1] == '_')
            first--;
        names.insert(header.substr(first, end - first));
    }
    return names;
}

// The version that all symbols carry, "SAMLET_0".
std::string version_name() {
    const char* soversion = std::getenv("SAMLET_SOVERSION");
    return std::string("SAMLET_") + (soversion ? soversion : "?");
}

void nothing_else_is_exported(void**) {
    const std::set<std::string> declared = declared_functions();
    const std::string version = version_name(), suffix = "@@" + version;
    std::set<std::string> exported;
    for (const std::string& symbol : exported_symbols()) {
        if (symbol == version || symbol == version + suffix) continue;  // the version itself
        const size_t at = symbol.find('@');
        if (at == std::string::npos || symbol.substr(at) != suffix)
            fail_msg("%s has another version than %s", symbol.c_str(), version.c_str());
        exported.insert(symbol.substr(0, at));
    }
    assert_true(declared.size() > 40);
    assert_true(declared.count("samlet_tracker_track") == 1);
    for (const std::string& name : exported)
        if (!declared.count(name)) fail_msg("%s is exported, but not declared in samlet.h", name.c_str());
    for (const std::string& name : declared)
        if (!exported.count(name)) fail_msg("%s is declared in samlet.h, but not exported", name.c_str());
}

}  // namespace

int main() {
    if (SCENE_SANITIZED || exported_symbols().empty()) {
        std::puts("skipped: no shared library, no nm, or sanitizers that add symbols of their own");
        return 77;
    }
    const CMUnitTest tests[] = {cmocka_unit_test(nothing_else_is_exported)};
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
