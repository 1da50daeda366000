#include "common/cmdline/help.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace ctdb::cmdline {

namespace {

constexpr std::size_t column_gap = 5;   // between an option or command and its help
constexpr std::size_t usage_width = 79; // of a line of the brief usage
constexpr std::string_view usage_indent = "       ";

std::string spelled(const option& o) {
    std::string text = o.short_name == '\0' ? "      --" : fmt::format("  -{}", o.short_name);
    if (o.short_name != '\0' && !o.long_name.empty()) {
        text += ", --";
    }
    text += o.long_name;
    if (!o.metavar.empty()) {
        text += "=";
        text += o.metavar;
    }
    return text;
}

std::size_t widest_option(const program& table) {
    std::size_t width = 0;
    for (const option_group& group : table.groups) {
        for (const option& o : group.options) {
            width = o.later ? width : std::max(width, spelled(o).size());
        }
    }
    return width;
}

// Groups follow each other with an empty line, each under its title.
std::string option_lists(const program& table) {
    const std::size_t width = widest_option(table) + column_gap;
    std::string text;
    for (const option_group& group : table.groups) {
        if (!group.title.empty()) {
            text += fmt::format("\n{}\n", group.title);
        }
        for (const option& o : group.options) {
            if (!o.later) {
                text += fmt::format("{:<{}}{}\n", spelled(o), width, o.help);
            }
        }
    }
    return text;
}

std::vector<const option*> in_usage_order(const program& table) {
    std::vector<const option_group*> groups;
    for (const option_group& group : table.groups) {
        groups.push_back(&group);
    }
    std::stable_sort(groups.begin(), groups.end(), [](const auto* a, const auto* b) {
        return a->usage_rank < b->usage_rank;
    });
    std::vector<const option*> options;
    for (const option_group* group : groups) {
        for (const option& o : group->options) {
            if (!o.later) {
                options.push_back(&o);
            }
        }
    }
    return options;
}

std::string usage_item(const option& o) {
    std::string text = " [";
    if (o.short_name != '\0') {
        text += fmt::format("-{}", o.short_name);
    }
    if (!o.long_name.empty()) {
        text += o.short_name == '\0' ? "--" : "|--";
        text += o.long_name;
    }
    if (!o.metavar.empty()) {
        text += "=";
        text += o.metavar;
    }
    return text + "]";
}

std::string usage_start(const program& table) {
    // Upstream's `ctdb` has no name there, and people's tests compare it.
    return table.looks == style::tool ? "Usage:" : fmt::format("Usage: {}", table.name);
}

// All flags in one bracket, then each option; libpopt's way to break lines, which counts one blank
// too many per option.
std::string usage_paragraph(const program& table) {
    std::string text = usage_start(table);
    const std::vector<const option*> options = in_usage_order(table);
    std::string flags;
    for (const option* o : options) {
        if (o->short_name != '\0' && o->takes == argument::none) {
            flags += o->short_name;
        }
    }
    if (!flags.empty()) {
        text += fmt::format(" [-{}]", flags);
    }
    std::size_t column = text.size();
    for (const option* o : options) {
        const std::string item = usage_item(*o);
        if (column + item.size() > usage_width) {
            text += "\n";
            text += usage_indent;
            column = usage_indent.size();
        }
        text += item;
        column += item.size() + 1;
    }
    return text;
}

std::string with_arguments(const command& c) {
    return fmt::format("{} {}", c.name, c.arguments);
}

std::string tool_command_line(const command& c) {
    return fmt::format("  {:<15} {:<27}  {}\n", c.name, c.arguments, c.help);
}

std::string helper_command_line(const command& c, std::size_t width) {
    return fmt::format("  {:<{}}{}\n", with_arguments(c), width + column_gap, c.help);
}

std::string command_list(const program& table) {
    std::size_t width = 0;
    for (const command& c : table.commands) {
        width = c.later ? width : std::max(width, with_arguments(c).size());
    }
    std::string text = "\nCommands:\n";
    for (const command& c : table.commands) {
        if (c.later) {
            continue;
        }
        text += table.looks == style::tool ? tool_command_line(c) : helper_command_line(c, width);
    }
    return text;
}

} // namespace

std::string option_help(const program& table) {
    return usage_start(table) + " [OPTION...]\n" + option_lists(table);
}

std::string brief_usage(const program& table) {
    return usage_paragraph(table) + "\n";
}

std::string full_help(const program& table) {
    if (table.looks == style::helper) {
        return usage_start(table) + " [<options>] <command> [<args>]\n" + option_lists(table) +
               command_list(table);
    }
    return option_help(table) + (table.commands.empty() ? "" : command_list(table));
}

std::string command_misuse(const program& table, const command& wrong) {
    if (table.looks == style::helper) {
        return usage_paragraph(table) + " <command> [<args>]\n\n" +
               helper_command_line(wrong, with_arguments(wrong).size());
    }
    if (wrong.misuse_shows_all) {
        return full_help(table);
    }
    return brief_usage(table) + "\nCommands:\n" + tool_command_line(wrong);
}

std::string bash_completion(const program& table) {
    std::string function = fmt::format("_{}", table.name);
    std::replace(function.begin(), function.end(), '-', '_');
    std::string options;
    for (const option_group& group : table.groups) {
        for (const option& o : group.options) {
            if (!o.long_name.empty()) {
                options += fmt::format("--{} ", o.long_name);
            }
        }
    }
    std::string words;
    for (const command& c : table.commands) {
        words += fmt::format("{} ", c.name.substr(0, c.name.find(' ')));
    }
    return fmt::format(
        "# bash completion for {0}, made from its command table\n"
        "{1}() {{\n"
        "    local word=${{COMP_WORDS[COMP_CWORD]}}\n"
        "    case \"$word\" in\n"
        "    -*) mapfile -t COMPREPLY < <(compgen -W \"{2}\" -- \"$word\") ;;\n"
        "    *) [ \"$COMP_CWORD\" -gt 1 ] || mapfile -t COMPREPLY < <(compgen -W \"{3}\" -- "
        "\"$word\") ;;\n"
        "    esac\n"
        "}}\n"
        "complete -o default -F {1} {0}\n",
        table.name,
        function,
        options,
        words
    );
}

std::string scdoc_escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '*' || c == '_' || c == '<' || c == '#' || c == '\\' || c == '[') {
            out += '\\';
        }
        out += c;
    }
    return out;
}

std::string man_options(const program& table) {
    std::string text;
    for (const option_group& group : table.groups) {
        for (const option& o : group.options) {
            const std::string shown = spelled(o).substr(o.short_name == '\0' ? 6 : 2);
            text += fmt::format("*{}*\n\t{}\n\n", scdoc_escaped(shown), scdoc_escaped(o.help));
        }
    }
    return text;
}

std::string man_commands(const program& table) {
    std::string text;
    for (const command& c : table.commands) {
        text += fmt::format(
            "*{}*{}{}\n\t{}\n\n",
            c.name,
            c.arguments.empty() ? "" : " ",
            scdoc_escaped(c.arguments),
            scdoc_escaped(c.help)
        );
    }
    return text;
}

} // namespace ctdb::cmdline
