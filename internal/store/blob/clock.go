package blob

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"
)

// clockFile is the store's clock: its modification time is how late it is in the store.
const clockFile = ".clock"

// clock is the time by which leases end. Leases are shared by processes and outlive them, so no process' own clock
// would do, and the machine's is set by people: set forward, it would end every lease, and set back, none. The store's
// goes on by what each process sees elapse, and whoever is behind follows who is ahead, so that it runs as fast as time
// does. It stands still while no process uses the store.
type clock struct {
	dir     *Dir
	elapsed func() time.Duration

	mu    sync.Mutex
	began time.Time // how late it was when nothing had elapsed
}

// start reads how late it is. A store that is new begins with what the machine says, which need not be right.
func (c *clock) start() {
	c.began = time.Now().Round(0)
	if info, err := os.Stat(c.dir.file(clockFile)); err == nil {
		c.began = info.ModTime()
	}
	c.began = c.began.Add(-c.elapsed())
}

// now tells the time, and sets the store's clock to it.
func (c *clock) now() (time.Time, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	path, now := c.dir.file(clockFile), c.began.Add(c.elapsed())
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = c.dir.place(path, nil, 0o600, now)
	case err == nil && info.ModTime().After(now):
		c.began = c.began.Add(info.ModTime().Sub(now))
		return info.ModTime(), nil
	case err == nil:
		err = os.Chtimes(path, time.Time{}, now)
	}
	if err != nil {
		return now, fmt.Errorf("the blob store's clock can't be set: %w", err)
	}
	return now, nil
}
