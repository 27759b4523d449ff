package proc

import (
	"errors"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// family is what this process knows of its children: those that it has started, and, once it adopts, those that its
// descendants leave to it.
var family = struct {
	starting sync.RWMutex // held for reading while a child is started: until it is known it looks like an orphan
	mu       sync.Mutex
	known    map[int]bool // pids of started children that aren't reaped
	adopting bool
}{known: map[int]bool{}}

// Adopt makes this process the parent of what its descendants leave behind when they end, whatever group or session it is
// in: when a child ends, what it leaves is ended, too. A process that adopts must start all its children with Start: the
// ends of others would be taken from whoever waits for them.
func Adopt() error {
	family.mu.Lock()
	defer family.mu.Unlock()
	if family.adopting {
		return nil
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return err
	}
	family.adopting = true
	ends := make(chan os.Signal, 1)
	signal.Notify(ends, syscall.SIGCHLD)
	go func() {
		for range ends {
			bury()
		}
	}()
	return nil
}

func know(pid int, alive bool) {
	family.mu.Lock()
	defer family.mu.Unlock()
	if alive {
		family.known[pid] = true
	} else {
		delete(family.known, pid)
	}
}

// orphans lists the children that nobody has started here. Those in the group of a child that lives belong to it.
func orphans() (list []int, dead []int) {
	family.starting.Lock()
	defer family.starting.Unlock()
	family.mu.Lock()
	defer family.mu.Unlock()
	if !family.adopting {
		return nil, nil
	}
	for _, pid := range pids() {
		s, err := read(pid)
		switch {
		case err != nil || s.parent != os.Getpid() || family.known[pid]:
		case s.state == "Z":
			dead = append(dead, pid)
		case !family.known[s.group]:
			list = append(list, pid)
		}
	}
	return list, dead
}

// bury gives back the pids of orphans that have ended.
func bury() {
	_, dead := orphans()
	for _, pid := range dead {
		await(pid)
	}
}

// endOrphans ends what a child has left, and what that leaves in turn, until nothing is left.
func endOrphans() {
	for {
		list, _ := orphans()
		if len(list) == 0 {
			bury()
			return
		}
		for _, pid := range list {
			_ = syscall.Kill(pid, syscall.SIGKILL) // fails when it has ended, which is well
			await(pid)
		}
	}
}

// await waits for the end of a child that isn't known, and gives its pid back.
func await(pid int) {
	for {
		if _, err := unix.Wait4(pid, nil, 0, nil); !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// pids lists all processes.
func pids() (list []int) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			list = append(list, pid)
		}
	}
	return list
}
