#!/usr/bin/env python3
"""Check the direction of includes: each folder sees only the layers below it. Usage: includes.py SOURCE_DIR"""
import re
import sys

import sources

BASE = ["common/base"]
RUNTIME = BASE + ["common/async/runtime.hpp", "common/async/callback.hpp", "common/async/turn_part.hpp",
                  "common/async/task.hpp", "common/async/task_set.hpp", "common/async/slot.hpp", "common/async/combinators.hpp"]
ASYNC = BASE + ["common/async"]
PROTOCOL = BASE + ["common/protocol"]
PORT = ["common/client/cluster_port.hpp"]
CORE = RUNTIME + PROTOCOL + PORT
EVERYTHING = ["common"]

# The longest matching prefix decides.
MAY_SEE = {
    "common/base": BASE,
    "common/async": ASYNC,
    "common/protocol": PROTOCOL,
    "common/path": BASE + ["common/path", "install_dirs.hpp"],
    "common/logging": BASE + ["common/path", "common/logging"],
    "common/cmdline": BASE + ["common/cmdline"],
    "common/conf": PROTOCOL + ["common/path", "common/logging", "common/conf"],
    "common/tdb": ASYNC + ["common/protocol", "common/tdb", "common/sock"],
    "common/sock": ASYNC + ["common/protocol", "common/sock"],
    "common/daemon": ASYNC + ["common/daemon"],
    "common/daemon/companion": ASYNC + ["common/daemon", "common/cmdline", "common/conf", "common/logging", "common/path"],
    "common/event": ASYNC + ["common/sock", "common/event"],
    "common/provider": ASYNC + ["common/protocol", "common/sock", "common/provider"],
    "common/netlink": ASYNC + ["common/protocol", "common/netlink"],
    "common/client": ASYNC + ["common/protocol", "common/sock", "common/tdb", "common/client", "common/path"],
    "ctdbd/routing": CORE + ["ctdbd/routing"],
    "ctdbd/membership": CORE + ["ctdbd/membership"],
    "ctdbd/leadership": CORE + ["ctdbd/leadership", "ctdbd/membership"],
    "ctdbd/recovery": CORE + ["ctdbd/recovery", "ctdbd/database/record", "ctdbd/database/lineage.hpp"],
    "ctdbd/database/record": CORE + ["ctdbd/database/record", "ctdbd/database/local_store.hpp",
                                     "ctdbd/routing/request_ids.hpp"],
    "ctdbd/database/tdb_store": EVERYTHING + ["ctdbd/database/tdb_store", "ctdbd/database/local_store.hpp"],
    "ctdbd/database": CORE + ["ctdbd/database", "ctdbd/routing/request_ids.hpp"],
    "ctdbd/controls": CORE + ["ctdbd"],
    "ctdbd": EVERYTHING + ["ctdbd"],
    "eventd": EVERYTHING + ["eventd"],
    "serviced": EVERYTHING + ["serviced"],
    "failoverd": EVERYTHING + ["failoverd"],
    "contrackd": EVERYTHING + ["contrackd"],
}
# Shells inside a folder of cores: they touch processes and sockets, on purpose.
SHELLS = {
    "ctdbd/leadership/keeper": ASYNC + ["common/protocol", "ctdbd/leadership"],
}
# Third-party headers and the only folders that may include them.
ONLY_IN = {
    r"tevent\.h|talloc\.h": ["common/async"],
    r"tdb\.h": ["common/tdb"],
    r"netlink/.*": ["failoverd", "contrackd", "common/netlink"],
    r"iniparser.*|dictionary\.h": ["common/conf"],
}


def rule_for(path):
    matching = [prefix for prefix in {**MAY_SEE, **SHELLS} if path.startswith(prefix)]
    return {**MAY_SEE, **SHELLS}[max(matching, key=len)] if matching else None


def main(root):
    problems = []
    for name in sources.tracked(root, "src/*.cpp", "src/*.hpp"):
        path = name[len("src/"):]
        allowed = rule_for(path)
        text = sources.read(root, name)
        if allowed is None:
            problems.append(f"{name}: its folder has no rule in tests/lint/includes.py")
            continue
        for match in re.finditer(r'^#include "([^"]+)"', text, re.M):
            if not any(match[1].startswith(prefix) for prefix in allowed):
                problems.append(f"{name}:{sources.line_of(text, match.start())}: may not include {match[1]}")
        for match in re.finditer(r"^\s*#include <([^>]+)>", text, re.M):
            for pattern, folders in ONLY_IN.items():
                if re.fullmatch(pattern, match[1]) and not any(path.startswith(f) for f in folders):
                    problems.append(f"{name}:{sources.line_of(text, match.start())}: <{match[1]}> belongs to "
                                    f"{', '.join(folders)}")
    sources.finish(problems)


main(sys.argv[1])
