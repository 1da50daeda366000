#include "common/event/script_dir.hpp"

#include <algorithm>
#include <cstdlib>
#include <memory>

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ctdb::event {

namespace {

constexpr std::string_view suffix = ".script";
constexpr mode_t execute_bits = S_IXUSR | S_IXGRP | S_IXOTH;

struct directory_closer {
    void operator()(DIR* d) const noexcept { closedir(d); }
};
struct free_deleter {
    void operator()(char* text) const noexcept { std::free(text); }
};

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

bool owner_may_execute(const std::string& path) noexcept {
    struct stat st {};
    return ::stat(path.c_str(), &st) == 0 && (st.st_mode & S_IXUSR) != 0;
}

std::string file_in(const std::string& directory, std::string_view name) {
    return fmt::format("{}/{}{}", directory, name, suffix);
}

std::string_view without_suffix(std::string_view name) noexcept {
    return script_name_of(name).value_or(name);
}

// The path with all links resolved; empty when it does not exist.
std::string resolved(const std::string& path) {
    const std::unique_ptr<char, free_deleter> real(::realpath(path.c_str(), nullptr));
    return real ? std::string(real.get()) : std::string();
}

std::string link_target(const std::string& path) {
    std::string target(4096, '\0');
    const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
    target.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return target;
}

enum class entry_kind : std::uint8_t { missing, link, file, other };

entry_kind kind_of(const std::string& path) noexcept {
    struct stat st {};
    if (::lstat(path.c_str(), &st) != 0) {
        return entry_kind::missing;
    }
    if (S_ISLNK(st.st_mode)) {
        return entry_kind::link;
    }
    return S_ISREG(st.st_mode) ? entry_kind::file : entry_kind::other;
}

result<> change_mode(const std::string& path, mode_t add, mode_t remove) {
    struct stat st {};
    if (::stat(path.c_str(), &st) != 0) {
        return fail_errno("Failed to stat {}", path);
    }
    const mode_t mode = ((st.st_mode & 07777U) | add) & ~remove;
    if (::chmod(path.c_str(), mode) != 0) {
        return fail_errno("Failed to change mode of {}", path);
    }
    return {};
}

result<> refuse_path(const script_place& place, std::string_view name) {
    if (name.find('/') != std::string_view::npos) {
        return fail(ENOENT, "Script {} does not exist in {}", name, place.component);
    }
    return {};
}

result<> link_provided(const script_place& place, std::string_view name, const std::string& path) {
    const std::string target = resolved(file_in(place.provided_directory, name));
    if (target.empty()) {
        return fail(ENOENT, "Script {} does not exist in {}", name, place.component);
    }
    if (::symlink(target.c_str(), path.c_str()) != 0) {
        return fail(EIO, "Failed to create symlink {}", path);
    }
    return {};
}

} // namespace

std::optional<std::string_view> script_name_of(std::string_view file_name) noexcept {
    if (file_name.size() < 3 + suffix.size() || !is_digit(file_name[0]) ||
        !is_digit(file_name[1]) || file_name[2] != '.' || !file_name.ends_with(suffix)) {
        return std::nullopt;
    }
    return file_name.substr(0, file_name.size() - suffix.size());
}

result<std::vector<script>> list_scripts(const std::string& directory) {
    const std::unique_ptr<DIR, directory_closer> opened(::opendir(directory.c_str()));
    if (!opened) {
        return fail_errno("event directory {}", directory);
    }
    std::vector<script> found;
    while (const dirent* entry = ::readdir(opened.get())) { // NOLINT(concurrency-mt-unsafe)
        if (const auto name = script_name_of(entry->d_name)) {
            std::string path = file_in(directory, *name);
            const bool enabled = owner_may_execute(path);
            found.push_back(script{std::string(*name), std::move(path), enabled});
        }
    }
    std::sort(found.begin(), found.end(), [](const script& a, const script& b) {
        return a.name < b.name;
    });
    return found;
}

bool has_enabled_script(const std::string& directory) {
    const auto scripts = list_scripts(directory);
    return scripts &&
           std::any_of(scripts->begin(), scripts->end(), [](const script& s) { return s.enabled; });
}

bool is_component_name(std::string_view component) noexcept {
    return !component.empty() && component != "." && component != ".." &&
           component.find('/') == std::string_view::npos &&
           component.find('\0') == std::string_view::npos;
}

result<> enable_script(const script_place& place, std::string_view asked) {
    const std::string_view name = without_suffix(asked);
    if (auto refused = refuse_path(place, name); !refused) {
        return refused;
    }
    const std::string path = file_in(place.enabled_directory, name);
    switch (kind_of(path)) {
    case entry_kind::link:
        return {};
    case entry_kind::file:
        return change_mode(path, execute_bits, 0);
    case entry_kind::missing:
        break;
    case entry_kind::other:
        return fail(EINVAL, "Script {} is not a file or a link", path);
    }
    if (!script_name_of(std::string(name).append(suffix))) {
        return fail(ENOENT, "Script {} does not exist in {}", name, place.component);
    }
    return link_provided(place, name, path);
}

result<> disable_script(const script_place& place, std::string_view asked) {
    const std::string_view name = without_suffix(asked);
    if (auto refused = refuse_path(place, name); !refused) {
        return refused;
    }
    const std::string path = file_in(place.enabled_directory, name);
    switch (kind_of(path)) {
    case entry_kind::link:
        if (::unlink(path.c_str()) != 0) {
            return fail(EIO, "Failed to remove symlink {}", path);
        }
        return {};
    case entry_kind::file:
        return change_mode(path, 0, execute_bits);
    case entry_kind::missing:
        return {};
    case entry_kind::other:
        break;
    }
    return fail(EINVAL, "Script {} is not a file or a link", path);
}

result<script_listing> list_for_operator(const script_place& place) {
    const auto provided = list_scripts(place.provided_directory);
    if (!provided) {
        return fail(
            ENOENT,
            "Unable to find event script installation directory: {}",
            place.provided_directory
        );
    }
    script_listing listing;
    for (const script& s : *provided) {
        const std::string target = link_target(file_in(place.enabled_directory, s.name));
        const bool linked = !target.empty() && target == resolved(s.path);
        listing.provided.push_back(script_listing::line{s.name, linked});
    }
    const auto enabled = list_scripts(place.enabled_directory);
    if (!enabled) {
        return listing; // nothing enabled yet
    }
    for (const script& s : *enabled) {
        const std::string target = link_target(s.path);
        const std::string original = resolved(file_in(place.provided_directory, s.name));
        if (target.empty() || original.empty() || target != original) {
            listing.local.push_back(script_listing::line{s.name, s.enabled});
        }
    }
    return listing;
}

} // namespace ctdb::event
