package sandbox

import (
	"fmt"
	"os"

	"github.com/tetratelabs/wazero/experimental"
	"golang.org/x/sys/unix"
)

// NoMemory is the exit code of a worker that gets no memory from its machine. Code that grows its memory must not see
// that: it would come to another result than elsewhere.
const NoMemory = 76

// room is a memory, whose bytes are there from the start as far as it may ever grow: the machine gives a page when it
// is first touched, so that nothing is copied or cleared.
type room struct{ all []byte }

func allocate(_, most uint64) experimental.LinearMemory {
	r := &room{}
	if most > 0 {
		all, err := unix.Mmap(-1, 0, int(most), unix.PROT_READ|unix.PROT_WRITE,
			unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
		if err != nil {
			fmt.Fprintln(os.Stderr, "no memory for the code:", err)
			os.Exit(NoMemory)
		}
		// Far less to look up for code that jumps about; not all kernels do it.
		_ = unix.Madvise(all, unix.MADV_HUGEPAGE)
		r.all = all
	}
	return r
}

// Reallocate is LinearMemory's.
func (r *room) Reallocate(size uint64) []byte { return r.all[:size:size] }

// Free is LinearMemory's.
func (r *room) Free() {
	if r.all != nil {
		_ = unix.Munmap(r.all) // it was mapped like this
		r.all = nil
	}
}
