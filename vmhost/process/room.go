package process

import (
	"errors"
	"fmt"
	"time"

	"github.com/reevenet/reeve/internal/process/proc"
	"github.com/reevenet/reeve/internal/store/usage"
)

const (
	// lookEvery is how often one looks at what a plugin has on the disk: it may have as much more as it can write
	// meanwhile.
	lookEvery = time.Second
	// lookShare is for how many times as long as a look takes there is none.
	lookShare = 20
	// mostWriters bounds the plugin's processes whose open files are looked at.
	mostWriters = 64
)

// watchDisk ends the plugin when it has more in the paths, and in files without a name, than it may. A limit for each
// file would be the kernel's to keep, but says nothing of many files; and programs make files that are large and empty,
// for databases and compiled code, which it would forbid.
func (r *runner) watchDisk(child *proc.Child, paths []string) {
	said := ""
	pause := lookEvery
	for {
		select {
		case <-child.Exited:
			return
		case <-time.After(pause):
		}
		began := time.Now()
		err := usage.Check(paths, proc.Descendants(child.PID, mostWriters), r.launcher.uid(), r.launcher.Confine.Disk)
		var excess *usage.ExcessError
		switch {
		case errors.As(err, &excess):
			err = fmt.Errorf("the plugin has %w; have it write less, empty vm.writable, or raise vm.max-disk-mib and "+
				"vm.max-disk-files", err)
			r.excess.Store(&err)
			child.Kill()
			return
		case err != nil && err.Error() != said:
			said = err.Error()
			r.log.Warn("what the plugin has on the disk can't be measured", "err", err)
		}
		pause = max(lookEvery, lookShare*time.Since(began))
	}
}
