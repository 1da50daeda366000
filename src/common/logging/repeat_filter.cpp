#include "common/logging/repeat_filter.hpp"

namespace ctdb::logging {

std::optional<repeat_filter::summary> repeat_filter::flush() {
    if (repeats_ == 0) {
        return std::nullopt;
    }
    summary counted;
    counted.level = level_;
    counted.text = fmt::format("last message repeated {} times", repeats_);
    repeats_ = 0;
    return counted;
}

repeat_filter::decision
repeat_filter::line(log_level level, std::string_view text, time_point now) {
    decision made;
    if (any_ && level == level_ && text == text_) {
        ++repeats_;
        made.write = false;
        if (now - since_ >= summary_interval) {
            made.before = flush();
            since_ = now;
        }
        return made;
    }
    made.before = flush();
    any_ = true;
    level_ = level;
    text_ = text;
    since_ = now;
    return made;
}

} // namespace ctdb::logging
