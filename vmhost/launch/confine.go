package launch

import (
	"syscall"

	"github.com/reevenet/reeve/internal/store/usage"
)

// Confine is how a plugin is kept from what isn't its business: a plugin is a stranger's program.
type Confine struct {
	// User runs it as another user than the host's, which only root can; nil: as the host's.
	User *syscall.Credential
	// Hidden are directories of which it sees nothing, wherever they lie.
	Hidden []string
	// Readable and Writable are open to it besides what every program needs, its own directory, and its sockets'.
	Readable, Writable []string
	// Memory in bytes, Files and Processes are what it may have at most; 0: no bound. Processes are counted of the whole
	// user, so that they are bounded only when it has one of its own.
	Memory, Files, Processes uint64
	// Disk is how much it may have in the directories that it may write to: it is ended when there is more.
	Disk usage.Limit
}
