package node

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// maxQuarantine is how many messages are kept; the oldest ones go first.
const maxQuarantine = 256

// quarantine keeps the messages that ended two instances, a file each, for a person to look at and to replay.
type quarantine struct{ dir string }

// Keep is called by the overseer.
func (q quarantine) Keep(env []byte, variant, cause string) error {
	if err := os.MkdirAll(q.dir, 0o700); err != nil {
		return err
	}
	name := filepath.Join(q.dir, fmt.Sprintf("%d-%s", time.Now().UnixNano(), variant))
	if err := os.WriteFile(name+".txt", []byte(cause+"\n"), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(name+".binpb", env, 0o600); err != nil {
		return err
	}
	return q.prune()
}

func (q quarantine) prune() error {
	files, err := filepath.Glob(filepath.Join(q.dir, "*")) // sorted by name, and so by time
	if err != nil {
		return err
	}
	for _, f := range files[:max(0, len(files)-2*maxQuarantine)] {
		if err := os.Remove(f); err != nil {
			return err
		}
	}
	return nil
}
