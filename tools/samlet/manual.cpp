// SPDX-License-Identifier: Apache-2.0
#include "manual.h"

#include <CLI/CLI.hpp>
#include <sstream>

namespace cli {
namespace {

// Text that roff shows as it is: real minus signs, no requests.
std::string escaped(const std::string& text) {
    std::string out;
    if (!text.empty() && (text[0] == '.' || text[0] == '\'')) out += "\\&";
    for (const char c : text) {
        if (c == '\\')
            out += "\\e";
        else if (c == '-')
            out += "\\-";
        else
            out += c;
    }
    return out;
}

std::string option(const CLI::Option& option) {
    std::string out = ".TP\n\\fB" + escaped(option.get_name(option.get_positional(), true)) + "\\fR";
    const std::string type = option.get_type_name();
    if (!type.empty()) out += " \\fI" + escaped(type) + "\\fR";
    if (option.get_required()) out += " (required)";
    return out + "\n" + escaped(option.get_description()) + "\n";
}

// Lines that begin with a space keep their shape, others flow.
std::string footer(const std::string& text) {
    std::istringstream lines(text);
    std::string out, line;
    bool shaped = false, empty = true;
    while (std::getline(lines, line)) {
        const bool wants_shape = !line.empty() && line[0] == ' ';
        if (shaped != wants_shape && (shaped || !line.empty())) {
            out += wants_shape ? ".PP\n.nf\n" : ".fi\n";
            shaped = wants_shape;
            empty = true;
        }
        if (line.empty())
            empty = true;
        else {
            if (empty && !shaped) out += ".PP\n";
            empty = false;
            out += escaped(line) + "\n";
        }
    }
    return shaped ? out + ".fi\n" : out;
}

}  // namespace

std::string manual_of_commands(const CLI::App& app) {
    std::string out;
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
        if (command->get_group().empty()) continue;  // hidden
        out += ".SS \"samlet " + escaped(command->get_name()) + "\"\n" + escaped(command->get_description()) +
               ".\n";
        for (const CLI::Option* each : command->get_options())
            if (!each->get_group().empty()) out += option(*each);
        out += footer(command->get_footer());
    }
    return out;
}

}  // namespace cli
