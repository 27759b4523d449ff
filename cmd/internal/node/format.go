package node

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/internal/store/disk"
)

// formatVersion rises when data written by an older program can't be read any more.
const formatVersion = 1

// format is the first thing that is written into a node's data: what wrote it, and for which network.
type format struct {
	Version int             `json:"version"`
	Genesis primitives.Hash `json:"genesis"`
}

const formatFile = "format.json"

// maxFormat bounds the file, in bytes.
const maxFormat = 4096

// checkFormat refuses data of another version or another network. Data that isn't marked yet is new.
func checkFormat(h datadir.Node, g *genesis.Genesis) error {
	path := h.Data(formatFile)
	ours := format{Version: formatVersion, Genesis: g.Hash()}
	text, err := disk.ReadFile(disk.OS{}, path, maxFormat)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return broken(h, err)
	}
	var theirs format
	if err := json.Unmarshal(text, &theirs); err != nil {
		return errcode.New(errcode.DataDirBroken,
			"Restore the file, or remove the node's data directory to start from the genesis.", err,
			"%s can't be read", path)
	}
	switch {
	case theirs.Version != ours.Version:
		return errcode.New(errcode.DataVersion,
			"Run the version of reeve that wrote it, or remove the data and catch up from the other nodes.", nil,
			"%s has format %d, this program reads format %d", filepath.Dir(path), theirs.Version, ours.Version)
	case theirs.Genesis != ours.Genesis:
		return errcode.New(errcode.GenesisMismatch,
			"Put the right genesis.json back, or choose another directory with --data-dir.", nil,
			"%s belongs to the network with genesis %s, not to this one with %s", filepath.Dir(path),
			theirs.Genesis.Short(), ours.Genesis.Short())
	}
	return nil
}

// markFormat marks a node's data. Only the overseer does: one writer is enough.
func (n *Node) markFormat() error {
	h := n.Home
	path := h.Data(formatFile)
	text, err := json.Marshal(format{Version: formatVersion, Genesis: n.Genesis.Hash()})
	if err != nil {
		return err
	}
	if err := disk.Replace(disk.OS{}, path, text, 0o644); err != nil {
		return broken(h, err)
	}
	return nil
}

func broken(h datadir.Node, err error) error {
	return errcode.New(errcode.DataDirBroken, "Make it readable and writable for this user, and free some space.", err,
		"the data of %s can't be used", h.Name)
}
