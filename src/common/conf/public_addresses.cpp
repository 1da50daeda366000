#include "common/conf/public_addresses.hpp"

#include "common/base/log.hpp"
#include "common/conf/nodes_list.hpp"
#include "common/conf/scanner.hpp"
#include "common/protocol/types_address.hpp"

#include <charconv>
#include <set>

namespace ctdb::conf {

namespace {

std::vector<std::string> split_commas(std::string_view text) {
    std::vector<std::string> names;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(','), text.size());
        if (end > 0) {
            names.emplace_back(text.substr(0, end));
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return names;
}

class public_addresses_reader {
public:
    parsed_public_addresses take() { return std::move(out_); }

    void line(std::string_view raw, int number) {
        line_ = number;
        if (!raw.empty() && raw.back() == '\r') {
            raw.remove_suffix(1);
        }
        const std::size_t first = raw.find_first_not_of(" \t");
        if (first == std::string_view::npos || raw[first] == '#') {
            return;
        }
        std::vector<std::string> words;
        // A leading "!" means nothing here, unlike in the values split_program is for.
        for (std::string_view rest = raw.substr(first); words.size() < 2 && !rest.empty();) {
            const std::size_t end = std::min(rest.find_first_of(" \t"), rest.size());
            words.emplace_back(rest.substr(0, end));
            rest.remove_prefix(std::min(rest.find_first_not_of(" \t", end), rest.size()));
        }
        entry(words);
    }

private:
    parsed_public_addresses out_;
    std::set<protocol::sock_addr> seen_;
    int line_ = 0;

    diagnostic& error(std::string what, std::string expected) {
        diagnostic d;
        d.line = line_;
        d.what = std::move(what);
        d.expected = std::move(expected);
        out_.findings.push_back(std::move(d));
        return out_.findings.back();
    }

    void entry(const std::vector<std::string>& words) {
        public_address made;
        made.line = line_;
        if (words.size() < 2) {
            error("no interface", "expected ADDRESS/BITS INTERFACE[,INTERFACE...]").upstream = {
                fmt::format("No interface specified at line {} of public addresses file", line_)};
            return;
        }
        const auto parsed = parse_address_and_mask(words[0]);
        made.interfaces = split_commas(words[1]);
        if (!parsed || made.interfaces.empty()) {
            error(
                parsed ? fmt::format("\"{}\" names no interface", words[1]) : parsed.error().what,
                "expected ADDRESS/BITS INTERFACE[,INTERFACE...]"
            )
                .upstream = {fmt::format("Badly formed line {} in public address list", line_)};
            return;
        }
        made.address = parsed->address;
        made.prefix_bits = parsed->prefix_bits;
        if (names_fit(made.interfaces) && is_new(made.address)) {
            out_.addresses.push_back(std::move(made));
        }
    }

    bool names_fit(const std::vector<std::string>& names) {
        for (const std::string& name : names) {
            if (name.size() > protocol::iface_name_max) {
                error(
                    fmt::format("interface name \"{}\" is too long", name),
                    fmt::format("expected at most {} letters", protocol::iface_name_max)
                )
                    .upstream = {fmt::format("Interface name too long \"{}\"", name)};
                return false;
            }
        }
        return true;
    }

    bool is_new(const protocol::sock_addr& address) {
        if (seen_.size() == public_addresses_max) {
            error("too many public addresses", fmt::format("expected at most {}", seen_.size()));
            return false;
        }
        if (seen_.insert(address).second) {
            return true;
        }
        const std::string text = protocol::to_text(address);
        error(fmt::format("{} is already in the list", text), "expected each address once")
            .upstream = {
            fmt::format("Duplicate public IP address '{}'", text),
            fmt::format("Failed to add line {} to the public address list", line_)};
        return false;
    }
};

} // namespace

result<address_and_mask> parse_address_and_mask(std::string_view text) {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) {
        return fail(EINVAL, "\"{}\" has no network bits", text);
    }
    const auto parsed = protocol::parse_ip(text.substr(0, slash));
    if (!parsed) {
        return fail(EINVAL, "\"{}\" is no address", text.substr(0, slash));
    }
    address_and_mask made;
    made.address = *parsed;
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, failure] =
        std::from_chars(digits.data(), digits.data() + digits.size(), made.prefix_bits);
    const std::uint32_t bits_max = made.address.is_ipv4() ? 32 : 128;
    if (failure != std::errc{} || end != digits.data() + digits.size() ||
        made.prefix_bits > bits_max) {
        return fail(EINVAL, "\"{}\": network bits are 0 to {}", text, bits_max);
    }
    return made;
}

parsed_public_addresses parse_public_addresses(std::string_view text) {
    public_addresses_reader reader;
    for (int number = 1; !text.empty(); ++number) {
        const std::size_t end = text.find('\n');
        reader.line(text.substr(0, end), number);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return reader.take();
}

result<std::vector<public_address>> load_public_addresses(const std::string& file) {
    const result<std::string> text = read_text_file(file);
    if (!text && text.error().code == ENOENT) {
        log_warning("Not loading public addresses, no file {}", file);
        return std::vector<public_address>{};
    }
    if (!text) {
        return fail(text.error().code, "public addresses: {}", text.error().what);
    }
    parsed_public_addresses parsed = parse_public_addresses(*text);
    log_findings(file, parsed.findings);
    if (!parsed.findings.empty()) {
        return fail(EINVAL, "public addresses {}: {} wrong lines", file, parsed.findings.size());
    }
    log_notice("Loaded public addresses from {}", file);
    return std::move(parsed.addresses);
}

} // namespace ctdb::conf
