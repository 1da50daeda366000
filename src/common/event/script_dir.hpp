// Which files of a component's directory are event scripts, in the order they run, and which of
// them are enabled. Reads the file system, runs nothing.
//
// A script is a file "NN.name.script" (two digits; the name may hold more dots); it is known by its
// name without ".script". Enabled means: the file, links followed, has its owner's execute bit. A
// dangling link is a script that is not enabled.
#pragma once

#include "common/base/result.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ctdb::event {

struct script {
    std::string name; // "50.samba"
    std::string path;
    bool enabled = false;
    bool operator==(const script&) const = default;
};

// "50.samba" for "50.samba.script"; nothing for a file that is no script.
[[nodiscard]] std::optional<std::string_view> script_name_of(std::string_view file_name) noexcept;

// The scripts in byte-wise order of their names. Fails with the errno of opening the directory
// (ENOENT: no such component, ENOTDIR).
[[nodiscard]] result<std::vector<script>> list_scripts(const std::string& directory);

// Whether the directory exists and holds at least one enabled script.
[[nodiscard]] bool has_enabled_script(const std::string& directory);

// A component is one directory below <etc>/events: not empty, no "/", not "." or "..".
[[nodiscard]] bool is_component_name(std::string_view component) noexcept;

// Does what command SCRIPT asks for: enabling a provided script links it into `enabled_directory`,
// disabling removes the link; a script that is a file there gets or loses its execute bits.
// Fails with ENOENT (no such script), EINVAL (neither file nor link) or EIO.
struct script_place {
    std::string enabled_directory;  // <etc>/events/<component>
    std::string provided_directory; // <data>/events/<component>
    std::string component;          // for the texts of errors
};
[[nodiscard]] result<> enable_script(const script_place& place, std::string_view name);
[[nodiscard]] result<> disable_script(const script_place& place, std::string_view name);

// What `script list` shows: provided scripts and whether they are linked, then the local ones.
struct script_listing {
    struct line {
        std::string name;
        bool enabled = false;
        bool operator==(const line&) const = default;
    };
    std::vector<line> provided;
    std::vector<line> local;
    bool operator==(const script_listing&) const = default;
};
// Fails with ENOENT when there is no directory of provided scripts.
[[nodiscard]] result<script_listing> list_for_operator(const script_place& place);

} // namespace ctdb::event
