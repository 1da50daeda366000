// Cuts what a child writes into lines: CR dropped, longer lines cut into pieces (cluster.md 10.3).
// No I/O.
//
// The owner calls feed() with what it read and finish() at the end of the stream; each complete
// line goes to the function given. Memory is bounded by one line.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace ctdb::logging {

inline constexpr std::size_t child_line_max = 1024; // upstream's limit

class line_splitter {
public:
    using line_function = std::function<void(std::string_view line)>;

    explicit line_splitter(line_function on_line) : on_line_(std::move(on_line)) {}

    void feed(std::string_view bytes);
    void finish(); // hands out an unfinished last line; the splitter can be used again

private:
    line_function on_line_;
    std::string pending_;

    void hand_out();
};

} // namespace ctdb::logging
