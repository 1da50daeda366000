#include "tests/simulation/support/seed_options.hpp"

#include <fmt/format.h>

namespace ctdb::simulation {

namespace {

using cmdline::argument;
using cmdline::ending;
using cmdline::parsed_options;

constexpr int misuse_code = 2; // 1 says that a seed has failed

cmdline::program table_of(std::string_view name, planted_bugs bugs) {
    cmdline::program table;
    table.name = name;
    table.looks = cmdline::style::daemon;
    cmdline::option_group seeds{
        "Seeds:",
        {{"first", "first", '\0', argument::integer, "N", "The first seed (0)"},
         {"count", "count", '\0', argument::integer, "N", "How many from there (2000)"},
         {"keep-going", "keep-going", '\0', argument::none, "", "Go on after a seed that fails"},
         {"seed", "seed", '\0', argument::integer, "N", "This one alone"},
         {"verbose", "verbose", '\0', argument::none, "", "... told event by event"}},
        0};
    if (bugs == planted_bugs::some) {
        seeds.options.push_back(
            {"bugs", "bugs", '\0', argument::none, "", "Plant bugs: each must be found"}
        );
    }
    table.groups = {std::move(seeds), cmdline::help_and_usage()};
    return table;
}

tl::unexpected<ending> misuse(const std::string& what) {
    return tl::unexpected<ending>(ending{misuse_code, "", what + "\n"});
}

// What --seed says nothing about, or the other way round.
std::optional<std::string> contradiction(const parsed_options& given) {
    if (given.has("verbose") && !given.has("seed")) {
        return "--verbose needs --seed";
    }
    for (const std::string_view other : {"first", "count", "keep-going", "bugs"}) {
        if (given.has("seed") && given.has(other)) {
            return fmt::format("--seed and --{} exclude each other", other);
        }
    }
    for (const std::string_view other : {"first", "keep-going"}) {
        if (given.has("bugs") && given.has(other)) {
            return fmt::format("--bugs and --{} exclude each other", other);
        }
    }
    return std::nullopt;
}

std::optional<std::string> out_of_range(const parsed_options& given) {
    for (const std::string_view name : {"first", "seed"}) {
        if (given.number(name).value_or(0) < 0) {
            return fmt::format("--{}={}: not below 0", name, *given.text(name));
        }
    }
    if (given.number("count").value_or(1) < 1) {
        return fmt::format("--count={}: at least 1", *given.text("count"));
    }
    return std::nullopt;
}

} // namespace

tl::expected<seed_options, ending> seed_options_of(
    std::string_view program, planted_bugs bugs, const std::vector<std::string>& arguments
) {
    const cmdline::program table = table_of(program, bugs);
    auto asked = cmdline::interpret(table, arguments);
    if (!asked) {
        ending end = asked.error();
        end.code = end.code == 0 ? 0 : misuse_code;
        return tl::unexpected<ending>(std::move(end));
    }
    const parsed_options& given = asked->options;
    for (const auto& wrong : {contradiction(given), out_of_range(given)}) {
        if (wrong) {
            return misuse(fmt::format("{}: {}", program, *wrong));
        }
    }
    const auto number = [&given](std::string_view name, std::uint64_t otherwise) {
        const auto said = given.number(name);
        return said ? static_cast<std::uint64_t>(*said) : otherwise;
    };
    seed_options options;
    options.first = number("first", options.first);
    options.count = number("count", options.count);
    if (given.has("seed")) {
        options.seed = number("seed", 0);
    }
    options.verbose = given.has("verbose");
    options.keep_going = given.has("keep-going");
    options.bugs = given.has("bugs");
    return options;
}

} // namespace ctdb::simulation
