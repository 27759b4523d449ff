package node

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/store/disk"
)

// nextEpoch counts the overseer's starts, durably: nothing that was said to an earlier one may be taken for said to
// this one.
func nextEpoch(h datadir.Node) (uint64, error) {
	path := filepath.Join(h.Data("overseer"), "epoch")
	if err := (disk.OS{}).MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return 0, err
	}
	last := uint64(0)
	text, err := disk.ReadFile(disk.OS{}, path, 64)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return 0, err
	default:
		if last, err = strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64); err != nil {
			return 0, fmt.Errorf("%s should hold a number: %w", path, err)
		}
	}
	return last + 1, disk.Replace(disk.OS{}, path, fmt.Appendln(nil, last+1), 0o644)
}
