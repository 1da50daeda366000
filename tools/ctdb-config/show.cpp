#include "show.hpp"

#include "common/cmdline/help.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace ctdb::config_tool {

namespace {

using cmdline::scdoc_escaped;

constexpr std::size_t comment_width = 100;

// Debian's release has them; `4.16` is older than it.
bool in_upstreams_dump(const conf::option& o) {
    return o.since.empty() || o.since == "4.16";
}

std::string type_text(const conf::option& o) {
    if (!o.choices.empty()) {
        std::string choices(o.choices);
        std::replace(choices.begin(), choices.end(), '|', ' ');
        return "one of " + choices;
    }
    switch (o.type) {
    case conf::option_type::boolean:
        return "true or false";
    case conf::option_type::integer:
        return o.maximum == INT32_MAX ? fmt::format("a number from {}", o.minimum)
                                      : fmt::format("a number from {} to {}", o.minimum, o.maximum);
    case conf::option_type::string:
        break;
    }
    return "text";
}

std::string effect_text(const conf::option& o) {
    return o.effect == conf::takes_effect::at_start ? "at the start of the daemons" : "on reload";
}

std::string since_text(const conf::option& o) {
    if (o.since.empty()) {
        return "";
    }
    return o.since == "ours" ? "not in upstream CTDB" : fmt::format("upstream since {}", o.since);
}

std::string default_text(const conf::option& o, const path::paths& where) {
    const std::string text = conf::default_value(o, where);
    return text.empty() ? "unset" : text;
}

// One paragraph as comment lines.
std::string comment(std::string_view text) {
    std::string out;
    std::string line = "#";
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        if (line.size() > 1 && line.size() + 1 + end > comment_width) {
            out += line + "\n";
            line = "#";
        }
        line += " ";
        line += text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out + line + "\n";
}

std::string facts(const conf::option& o) {
    std::string text = type_text(o) + "; takes effect " + effect_text(o);
    if (!o.tunable.empty()) {
        text += fmt::format("; the tunable {}", o.tunable);
    }
    if (const std::string since = since_text(o); !since.empty()) {
        text += "; " + since;
    }
    return text;
}

// The default as the manual shows it: directories by name.
std::string generic_default(const conf::option& o) {
    path::paths where;
    where.var = "VARDIR";
    where.log = "LOGDIR";
    return default_text(o, where);
}

} // namespace

bool is_shown(const conf::config& settings, const conf::option& o, extent which) {
    return which == extent::all || settings.is_set(o) || in_upstreams_dump(o);
}

option_words words_about(const conf::option& which) {
    return {type_text(which), effect_text(which), since_text(which)};
}

std::string dump(const conf::config& settings, extent which) {
    std::string text;
    std::string_view section;
    for (const conf::option* o : conf::all_options()) {
        if (!is_shown(settings, *o, which)) {
            continue;
        }
        if (o->section != section) {
            section = o->section;
            text += fmt::format("[{}]\n", section);
        }
        const std::string value = settings.text(*o);
        const bool is_default = value == conf::default_value(*o, settings.where());
        text += fmt::format(
            "\t{}{} = {}\n", settings.is_set(*o) && !is_default ? "" : "# ", o->key, value
        );
    }
    return text;
}

std::string explain(const conf::option& o, const path::paths& where) {
    std::string text = fmt::format("[{}] {}\n\n{}\n\n", o.section, o.key, o.explanation);
    text += fmt::format("Value:    {}\n", type_text(o));
    text += fmt::format("Default:  {}\n", default_text(o, where));
    text += fmt::format("Effect:   {}\n", effect_text(o));
    if (!o.tunable.empty()) {
        text += fmt::format("Tunable:  {}\n", o.tunable);
    }
    if (!o.replaced_by.empty()) {
        text += fmt::format("Instead:  [{}] {}\n", o.section, o.replaced_by);
    }
    if (const std::string since = since_text(o); !since.empty()) {
        text += fmt::format("Since:    {}\n", since);
    }
    return text;
}

std::string sample(const path::paths& where) {
    std::string text =
        "# ctdb.conf - see ctdb.conf(5). Every option is here with its default, commented out.\n"
        "# Check the file with: ctdb-config validate\n";
    std::string_view section;
    for (const conf::option* o : conf::all_options()) {
        if (!o->replaced_by.empty()) {
            continue; // old names are understood, not advertised
        }
        if (o->section != section) {
            section = o->section;
            text += fmt::format("\n[{}]\n", section);
        }
        const std::string value = conf::default_value(*o, where);
        text += "\n" + comment(o->explanation) + comment(fmt::format("({})", facts(*o)));
        text += fmt::format("#\t{} ={}{}\n", o->key, value.empty() ? "" : " ", value);
    }
    return text;
}

std::string manual() {
    std::string text;
    std::string_view section;
    for (const conf::option* o : conf::all_options()) {
        if (o->section != section) {
            section = o->section;
            text += fmt::format("## [{}]\n\n", section);
        }
        text += fmt::format(
            "*{}* (default: {})\n\t{}\n\n\tValue: {}.\n\n",
            scdoc_escaped(o->key),
            scdoc_escaped(generic_default(*o)),
            scdoc_escaped(o->explanation),
            scdoc_escaped(facts(*o))
        );
    }
    return text;
}

} // namespace ctdb::config_tool
