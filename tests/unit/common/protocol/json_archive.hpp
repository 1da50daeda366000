// The third archive of the layouts: fills values from the golden vectors' JSON fields
// (tests/vectors/README.md).
//
// Throws nlohmann's exceptions where a field is missing or of another kind, and std::runtime_error
// where the JSON has a field that the layout does not know.
#pragma once

#include "common/protocol/layout/address.hpp"
#include "common/protocol/layout/database.hpp"
#include "common/protocol/layout/membership.hpp"
#include "common/protocol/layout/record.hpp"
#include "common/protocol/layout/statistics.hpp"
#include "common/protocol/layout/tunable.hpp"

#include <array>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace ctdb::protocol::test {

using json = nlohmann::ordered_json;

[[nodiscard]] inline bytes bytes_of(const json& hex) {
    bytes out;
    if (!from_hex(hex.get<std::string>(), out)) {
        throw std::runtime_error("not hex: " + hex.get<std::string>());
    }
    return out;
}

void fill(const json& value, sock_addr& address);
void fill(const json& value, marshalled_record& record);
void fill(const json& value, record_buffer& buffer);
void fill(const json& value, tunable_list& list);
void fill(const json& value, var_list& list);
void fill(const json& value, g_lock_list& list);
void fill(const json& value, db_statistics& stats);
void fill(const json& value, std::string& text);

template <class T>
requires std::is_arithmetic_v<T>
void fill(const json& value, T& number) {
    if (value.is_string()) {
        number = static_cast<T>(std::stoull(value.get<std::string>(), nullptr, 16));
    } else {
        number = value.get<T>();
    }
}
template <class T>
requires std::is_enum_v<T>
void fill(const json& value, T& number) {
    number = static_cast<T>(value.get<std::underlying_type_t<T>>());
}
template <class Tag, class Rep>
void fill(const json& value, strong_id<Tag, Rep>& id) {
    fill(value, id.value);
}
template <class E>
void fill(const json& value, flag_set<E>& flags) {
    fill(value, flags.value);
}

template <class T>
concept described = requires {
    layout<T>::name;
}
&&!std::is_same_v<T, db_statistics>;

template <described T>
void fill(const json& value, T& structure);

class json_archive {
public:
    explicit json_archive(const json& object) : object_(object) {}

    template <class T>
    void operator()(const char* name, T& field) {
        fill(at(name), field);
    }
    void pad(std::size_t) {}
    template <class T>
    void count(const char*, std::vector<T>&, std::size_t) {}
    template <class T>
    void elements(const char* name, std::vector<T>& list) {
        const json& value = at(name);
        // "ifaces": {"iface": [...]}: a list inside a named structure
        const json& array = value.is_object() ? *value.begin() : value;
        for (const json& element : array) {
            fill(element, list.emplace_back());
        }
    }
    void blob(const char* name, bytes& data) { data = bytes_of(at(name)); }
    void text_n(const char* name, std::string& text) { text = at(name).get<std::string>(); }
    void terminated_text_n(const char* name, std::optional<std::string>& text) {
        if (const json& value = at(name); !value.is_null()) {
            text = value.get<std::string>();
        }
    }
    void fixed_text(const char* name, std::string& text, std::size_t) { text_n(name, text); }
    template <class T, std::size_t N>
    void array(const char* name, std::array<T, N>& numbers) {
        numbers = at(name).get<std::array<T, N>>();
    }

    // Every field of the JSON has been asked for.
    void finish(const std::set<std::string>& others = {}) const {
        for (const auto& [name, value] : object_.items()) {
            if (!seen_.contains(name) && !others.contains(name)) {
                throw std::runtime_error("field not in the layout: " + name);
            }
        }
    }

private:
    const json& at(const char* name) {
        seen_.insert(name);
        return object_.at(name);
    }

    const json& object_;
    std::set<std::string> seen_;
};

template <described T>
void fill(const json& value, T& structure) {
    if constexpr (std::is_same_v<T, tunable_name>) {
        structure.name = value.get<std::string>();
    } else if constexpr (std::is_same_v<T, padded_db_id>) {
        fill(value, structure.db_id);
    } else {
        json_archive archive(value);
        layout<T>::describe(archive, structure);
        archive.finish();
    }
}

} // namespace ctdb::protocol::test
