#include "failoverd/run_directory.hpp"

#include "common/base/unique_fd.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <sys/stat.h>

namespace ctdb::failoverd {

namespace {

constexpr std::size_t file_max = 16U << 20U; // 64k items

enum class durability : std::uint8_t { renamed, synced };

result<> write_file(const std::string& file, std::string_view text, durability how) {
    const std::string other = file + ".new";
    const unique_fd fd(::open(other.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd) {
        return fail_errno("creating {}", other);
    }
    while (!text.empty()) {
        const ssize_t done = ::write(fd.get(), text.data(), text.size());
        if (done < 0 && errno != EINTR) {
            return fail_errno("writing {}", other);
        }
        text.remove_prefix(done < 0 ? 0 : static_cast<std::size_t>(done));
    }
    if (how == durability::synced && ::fsync(fd.get()) != 0) {
        return fail_errno("syncing {}", other);
    }
    if (::rename(other.c_str(), file.c_str()) != 0) {
        return fail_errno("renaming {}", other);
    }
    return {};
}

} // namespace

std::string item_line::value(std::string_view key) const {
    for (const std::string& word : words) {
        const auto equals = word.find('=');
        if (equals != std::string::npos && std::string_view(word).substr(0, equals) == key) {
            return word.substr(equals + 1);
        }
    }
    return "";
}

std::vector<std::string> split_at(std::string_view text, char separator) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const auto end = std::min(text.find(separator), text.size());
        if (end != 0) {
            parts.emplace_back(text.substr(0, end));
        }
        text.remove_prefix(std::min(text.size(), end + 1));
    }
    return parts;
}

std::vector<item_line> parse_items(std::string_view text) {
    std::vector<item_line> lines;
    for (const std::string& line : split_at(text, '\n')) {
        std::vector<std::string> words = split_at(line, ' ');
        if (!words.empty()) {
            item_line parsed;
            parsed.name = words.front();
            parsed.words.assign(words.begin() + 1, words.end());
            lines.push_back(std::move(parsed));
        }
    }
    return lines;
}

std::string format_items(const std::vector<item_line>& lines) {
    std::string text;
    for (const item_line& line : lines) {
        text += line.name;
        for (const std::string& word : line.words) {
            text += ' ' + word;
        }
        text += '\n';
    }
    return text;
}

result<std::vector<item_line>> read_items(const std::string& file) {
    std::error_code failed;
    const auto size = std::filesystem::file_size(file, failed);
    if (failed) {
        if (failed.value() == ENOENT) {
            return std::vector<item_line>{};
        }
        return fail(failed.value(), "reading {}: {}", file, failed.message());
    }
    if (size > file_max) {
        return fail(EFBIG, "{} is larger than {} bytes", file, file_max);
    }
    std::ifstream in(file);
    std::ostringstream text;
    text << in.rdbuf();
    if (!in) {
        return size == 0 ? result<std::vector<item_line>>{} : fail(EIO, "reading {}", file);
    }
    return parse_items(text.str());
}

result<> write_items(const std::string& file, const std::vector<item_line>& lines) {
    return write_file(file, format_items(lines), durability::renamed);
}

result<> write_text(const std::string& file, std::string_view text) {
    return write_file(file, text, durability::renamed);
}

result<> write_durably(const std::string& file, std::string_view text) {
    return write_file(file, text, durability::synced);
}

result<std::string> make_run_directory(const std::string& run, std::string_view name) {
    std::string path = run + "/failover";
    for (const std::string_view part : {std::string_view(), name}) {
        path += part.empty() ? "" : "/" + std::string(part);
        if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
            return fail_errno("making {}", path);
        }
    }
    return path;
}

void forget_old_runs(const std::string& run, std::size_t keep) {
    std::error_code failed;
    std::vector<std::filesystem::path> runs;
    for (const auto& entry : std::filesystem::directory_iterator(run + "/failover", failed)) {
        if (entry.is_directory(failed) && entry.path().filename() != "monitor") {
            runs.push_back(entry.path());
        }
    }
    std::sort(runs.begin(), runs.end());
    for (std::size_t i = 0; i + keep < runs.size(); ++i) {
        std::filesystem::remove_all(runs[i], failed); // the next run tries again
    }
}

} // namespace ctdb::failoverd
