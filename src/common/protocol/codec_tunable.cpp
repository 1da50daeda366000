// Codecs of types_tunable.hpp.
#include "common/protocol/layout/archives.hpp"
#include "common/protocol/layout/tunable.hpp"

namespace ctdb::protocol {

template struct codec<tunable>;
template struct codec<tunable_name>;

void codec<var_list>::put(writer& out, const var_list& list) {
    if (list.names.empty()) {
        out.put(std::uint32_t{0});
        return;
    }
    std::string joined;
    for (const std::string& name : list.names) {
        joined.append(&name == &list.names.front() ? "" : ":").append(name);
    }
    put_archive(out).text_n("var", joined);
}

void codec<var_list>::get(reader& in, var_list& list) {
    list.names.clear();
    const auto size = in.get<std::uint32_t>();
    const std::string_view all = text_of(in.take(size));
    if (all.empty()) {
        return;
    }
    std::string_view rest = all.substr(0, all.find('\0'));
    for (std::size_t colon = rest.find(':'); colon != std::string_view::npos;
         colon = rest.find(':')) {
        list.names.emplace_back(rest.substr(0, colon));
        rest.remove_prefix(colon + 1);
    }
    list.names.emplace_back(rest);
}

void codec<tunable_list>::put(writer& out, const tunable_list& list) {
    put_archive(out).array("tunables", list.values);
}

void codec<tunable_list>::get(reader& in, tunable_list& list) {
    get_archive(in).array("tunables", list.values);
}

} // namespace ctdb::protocol
