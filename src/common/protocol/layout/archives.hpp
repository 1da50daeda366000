// The two archives that bytes are made with and read with; included by codec_*.cpp only.
#pragma once

#include "common/base/bytes.hpp"
#include "common/protocol/codec.hpp"
#include "common/protocol/layout/layout.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

namespace ctdb::protocol {

class put_archive {
public:
    explicit put_archive(writer& out) noexcept : out_(out) {}

    template <class T>
    void operator()(const char*, const T& field) {
        codec<T>::put(out_, field);
    }
    void pad(std::size_t size) { out_.put_zeros(size); }
    template <class T>
    void count(const char*, const std::vector<T>& list, std::size_t) {
        out_.put(static_cast<std::uint32_t>(list.size()));
    }
    template <class T>
    void elements(const char*, const std::vector<T>& list) {
        for (const T& element : list) {
            codec<T>::put(out_, element);
        }
    }
    void blob(const char*, const bytes& data) {
        out_.put(static_cast<std::uint32_t>(data.size()));
        out_.put_bytes(data);
    }
    void text_n(const char*, const std::string& text) {
        out_.put(static_cast<std::uint32_t>(text.size() + 1));
        out_.put_bytes(view_of(text));
        out_.put_zeros(1);
    }
    void terminated_text_n(const char* name, const std::optional<std::string>& text) {
        if (text) {
            text_n(name, *text);
        } else {
            out_.put(std::uint32_t{0});
        }
    }
    // Longer text is cut: the field always ends with a NUL.
    void fixed_text(const char*, const std::string& text, std::size_t size) {
        const std::size_t length = std::min(text.size(), size - 1);
        out_.put_bytes(view_of(std::string_view(text).substr(0, length)));
        out_.put_zeros(size - length);
    }
    template <class T, std::size_t N>
    void array(const char*, const std::array<T, N>& numbers) {
        for (const T number : numbers) {
            out_.put(number);
        }
    }

private:
    writer& out_;
};

class get_archive {
public:
    explicit get_archive(reader& in) noexcept : in_(in) {}

    template <class T>
    void operator()(const char*, T& field) {
        codec<T>::get(in_, field);
    }
    void pad(std::size_t size) { in_.skip(size); }
    template <class T>
    void count(const char*, std::vector<T>&, std::size_t element_size) {
        count_ = in_.get<std::uint32_t>();
        if (count_ > in_.remaining() / element_size) {
            in_.reject();
        }
    }
    template <class T>
    void elements(const char*, std::vector<T>& list) {
        list.clear();
        if (!in_.ok()) {
            return;
        }
        list.resize(count_);
        for (T& element : list) {
            codec<T>::get(in_, element);
        }
    }
    void blob(const char*, bytes& data) { data = to_bytes(in_.take(in_.get<std::uint32_t>())); }
    // The text ends at the first NUL or, if there is none, at the length (9.3).
    void text_n(const char*, std::string& text) {
        const std::string_view all = text_of(in_.take(in_.get<std::uint32_t>()));
        text = all.substr(0, all.find('\0'));
    }
    void terminated_text_n(const char*, std::optional<std::string>& text) {
        const std::string_view all = text_of(in_.take(in_.get<std::uint32_t>()));
        text.reset();
        if (!all.empty()) {
            text = until_nul(all);
        }
    }
    void fixed_text(const char*, std::string& text, std::size_t size) {
        text = until_nul(text_of(in_.take(size)));
    }
    template <class T, std::size_t N>
    void array(const char*, std::array<T, N>& numbers) {
        for (T& number : numbers) {
            number = in_.get<T>();
        }
    }

private:
    std::string_view until_nul(std::string_view all) {
        const std::size_t end = all.find('\0');
        if (end == std::string_view::npos) {
            in_.reject();
        }
        return all.substr(0, end);
    }

    reader& in_;
    std::uint32_t count_ = 0;
};

// The codec of every structure that has a layout; instantiated explicitly, see codec_*.cpp.
template <class T>
std::string_view codec<T>::name() noexcept {
    return layout<T>::name;
}
template <class T>
void codec<T>::put(writer& out, const T& value) {
    put_archive archive(out);
    layout<T>::describe(archive, value);
}
template <class T>
void codec<T>::get(reader& in, T& value) {
    get_archive archive(in);
    layout<T>::describe(archive, value);
}

} // namespace ctdb::protocol
