package proc

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
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
	for _, pid := range children() {
		if family.known[pid] {
			continue
		}
		switch s, err := read(pid); {
		case err != nil:
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
	for {
		_, dead := orphans()
		if len(dead) == 0 {
			return
		}
		for _, pid := range dead {
			await(pid)
		}
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

// children lists the children of this process. The kernel keeps a list for each thread, and may leave one out of it
// while another is reaped: whoever has reaped lists them again. A thread that ends leaves its children to another.
func children() []int {
	before := threadsOf(os.Getpid())
	for {
		list, err := childrenOf(os.Getpid(), before)
		if errors.Is(err, os.ErrNotExist) {
			return childrenAmongAll() // a kernel without these lists
		}
		after := threadsOf(os.Getpid())
		if slices.Equal(before, after) {
			return list
		}
		before = after
	}
}

// childrenOf reads the lists of these threads of a process. The error is that of the thread that lasts as long as it.
func childrenOf(pid int, threads []int) (list []int, err error) {
	for _, thread := range threads {
		text, e := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, thread))
		if thread == pid {
			err = e
		}
		for pid := range strings.FieldsSeq(string(text)) {
			if n, err := strconv.Atoi(pid); err == nil {
				list = append(list, n)
			}
		}
	}
	return list, err
}

func childrenAmongAll() (list []int) {
	own := os.Getpid()
	for _, pid := range numbersIn("/proc") {
		if s, err := read(pid); err == nil && s.parent == own {
			list = append(list, pid)
		}
	}
	return list
}

func threadsOf(pid int) []int { return numbersIn(fmt.Sprintf("/proc/%d/task", pid)) }

// Descendants lists a process and, where the kernel tells, those that it and its descendants have started; at most as
// many as that.
func Descendants(pid, most int) []int {
	list := []int{pid}
	for at := 0; at < len(list) && len(list) < most; at++ {
		found, _ := childrenOf(list[at], threadsOf(list[at])) // whoever has ended has none any more
		list = append(list, found...)
	}
	return list[:min(len(list), most)]
}

func numbersIn(path string) (list []int) {
	dir, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		if n, err := strconv.Atoi(name); err == nil {
			list = append(list, n)
		}
	}
	return list
}
