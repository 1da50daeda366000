#include "common/conf/scanner.hpp"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ctdb::conf {

namespace {

constexpr std::string_view blanks = " \t\r\v\f";
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

bool is_blank(char c) {
    return blanks.find(c) != std::string_view::npos;
}

// Runs of blanks become one space, none at the ends.
std::string tidy(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (!is_blank(c)) {
            out += c;
        } else if (!out.empty() && out.back() != ' ') {
            out += ' ';
        }
    }
    if (!out.empty() && out.back() == ' ') {
        out.pop_back();
    }
    return out;
}

// Hands out logical lines: continued ones joined, comments not continued (a `\` at the end of a
// comment is text).
class line_reader {
public:
    explicit line_reader(std::string_view text) : rest_(text) {}

    bool next(std::string& line, int& number) {
        if (rest_.empty()) {
            return false;
        }
        number = ++line_;
        line = physical();
        if (is_comment(line)) {
            return true;
        }
        while (continues(line) && !rest_.empty()) {
            ++line_;
            line += physical();
        }
        continues(line); // a `\` on the last line of the file continues into nothing
        return true;
    }

private:
    std::string_view rest_;
    int line_ = 0;

    std::string physical() {
        const std::size_t end = rest_.find('\n');
        std::string found(rest_.substr(0, end));
        rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
        return found;
    }

    static bool is_comment(std::string_view line) {
        const std::size_t first = line.find_first_not_of(blanks);
        return first != std::string_view::npos && (line[first] == '#' || line[first] == ';');
    }

    // Cuts a `\` at the end, blanks behind it included.
    static bool continues(std::string& line) {
        const std::size_t last = line.find_last_not_of(blanks);
        if (last == std::string::npos || line[last] != '\\') {
            return false;
        }
        line.resize(last);
        return true;
    }
};

class scan_run {
public:
    scanned_file take() { return std::move(out_); }

    void line(const std::string& raw, int number) {
        if (raw.find('\0') != std::string::npos) {
            error(number, "the line contains a NUL byte", "expected text");
            return;
        }
        const std::string text = tidy(raw);
        if (text.empty() || text.front() == '#' || text.front() == ';') {
            return;
        }
        if (text.front() == '[') {
            section(text, number);
        } else {
            option(text, number);
        }
    }

private:
    scanned_file out_;
    std::string section_;
    bool section_is_broken_ = false;

    void error(int line, std::string what, std::string expected) {
        diagnostic d;
        d.line = line;
        d.what = std::move(what);
        d.expected = std::move(expected);
        out_.findings.push_back(std::move(d));
    }

    void section(std::string_view text, int line) {
        const std::size_t end = text.find(']');
        section_is_broken_ = end == std::string_view::npos;
        if (section_is_broken_) {
            error(line, fmt::format("section \"{}\" does not end", text), "expected \"]\"");
            return;
        }
        section_ = tidy(text.substr(1, end - 1));
        scanned_item item;
        item.what = scanned_item::kind::section;
        item.line = line;
        item.section = section_;
        out_.items.push_back(std::move(item));
    }

    void option(std::string_view text, int line) {
        const std::size_t equals = text.find('=');
        if (equals == std::string_view::npos) {
            error(line, fmt::format("\"{}\" is no option", text), "expected KEY = VALUE");
            return;
        }
        scanned_item item;
        item.line = line;
        item.section = section_;
        item.key = tidy(text.substr(0, equals));
        item.value = tidy(text.substr(equals + 1));
        if (item.key.empty()) {
            error(line, "an option without a name", "expected KEY = VALUE");
            return;
        }
        // Behind a broken section header nobody knows where an option belongs: one error is enough.
        if (!section_is_broken_) {
            out_.items.push_back(std::move(item));
        }
    }
};

struct descriptor {
    int fd;
    explicit descriptor(int opened) noexcept : fd(opened) {}
    ~descriptor() {
        if (fd >= 0) {
            ::close(fd);
        }
    }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
};

result<std::string> read_all(int fd, const std::string& path) {
    std::string text;
    std::array<char, 65536> block{};
    while (text.size() <= file_bytes_max) {
        const ssize_t got = ::read(fd, block.data(), block.size());
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fail_errno("cannot read {}", path);
        }
        if (got == 0) {
            return text;
        }
        text.append(block.data(), static_cast<std::size_t>(got));
    }
    return fail(EFBIG, "{} is larger than {} bytes", path, file_bytes_max);
}

} // namespace

scanned_file scan(std::string_view text) {
    if (text.substr(0, byte_order_mark.size()) == byte_order_mark) {
        text.remove_prefix(byte_order_mark.size());
    }
    scan_run run;
    line_reader lines(text);
    std::string line;
    int number = 0;
    while (lines.next(line, number)) {
        run.line(line, number);
    }
    return run.take();
}

result<std::string> read_text_file(const std::string& path) {
    // O_NONBLOCK: a FIFO in the place of the file must not hang a daemon.
    const descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.fd < 0) {
        return fail_errno("cannot open {}", path);
    }
    struct stat about {};
    if (::fstat(file.fd, &about) != 0) {
        return fail_errno("cannot read {}", path);
    }
    if (!S_ISREG(about.st_mode)) {
        return fail(EINVAL, "{} is not a regular file", path);
    }
    return read_all(file.fd, path);
}

} // namespace ctdb::conf
