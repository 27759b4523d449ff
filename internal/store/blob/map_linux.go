package blob

import "syscall"

// Populating at once is one fault instead of one for every page.
const mapFlags = syscall.MAP_SHARED | syscall.MAP_POPULATE
