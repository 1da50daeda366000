// tevent and talloc, included once the right way (tevent.h of 0.14 has no linkage guard). For .cpp
// files of this folder.
#pragma once

#include <sys/time.h>
#include <talloc.h>
extern "C" {
#include <tevent.h>
}
