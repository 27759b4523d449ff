package devnet

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/store/disk"
	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/services"
	"github.com/reevenet/reeve/vmhost"
)

// others is the directory of all processes of a node that have none of their own.
const others = "others"

// HandOut divides a node that hasn't run yet, for containers that have a volume each. In dir stands a directory for
// each process that shall have one of its own, and one for the others. Each gets the network's genesis, the node's
// settings and id, the tokens that its processes show or check, and the keys that are theirs, which then are nowhere
// else. It may be repeated: then settings, genesis and tokens are given again, and what a process has of its own stays.
func HandOut(h datadir.Node, dir string) error {
	shares, err := sharesOf(dir)
	if err != nil {
		return err
	}
	if err := makeTokens(h); err != nil {
		return broken(h.Dir, err)
	}
	if _, err := os.Stat(h.Data("overseer")); err == nil {
		return errcode.New(errcode.DataDirInUse, "Run it in this directory, or hand out a new node's.", nil,
			"%s has run, and its keys have signed: its data can't be divided", h.Name)
	}
	if err := datadir.WritePublic(datadir.NodeID(h), h); err != nil { // it is known here when the key is gone, too
		return broken(h.Dir, err)
	}
	for _, s := range shares {
		if err := s.give(h); err != nil {
			return broken(s.to.Dir, err)
		}
	}
	if err := datadir.RemoveSecrets(h); err != nil {
		return broken(h.Dir, err)
	}
	return nil
}

// share is what goes to one directory.
type share struct {
	to     datadir.Network
	tokens []string
	of     part.List
}

// sharesOf reads who has a directory.
func sharesOf(dir string) (shares []share, err error) {
	names, err := (disk.OS{}).List(dir)
	if err != nil {
		return nil, errcode.New(errcode.DataDirMissing,
			"Make a directory in it for each process that shall have one.", err, "nothing can be handed out to %s", dir)
	}
	left := map[string]share{"overseer": {tokens: services.Parts().Names()}}
	for _, p := range services.Parts() {
		left[p.Name()] = share{tokens: []string{p.Spec.Name}, of: part.List{p}}
	}
	for _, name := range names {
		s, ok := left[name]
		switch {
		case name == others, strings.HasPrefix(name, "."):
		case !ok:
			return nil, errcode.New(errcode.NoSuchProcess, "", nil, "%s is no process of a node",
				filepath.Join(dir, name))
		default:
			s.to = datadir.Network{Dir: filepath.Join(dir, name)}
			shares = append(shares, s)
			delete(left, name)
		}
	}
	rest := share{to: datadir.Network{Dir: filepath.Join(dir, others)}}
	for _, s := range left {
		rest.tokens, rest.of = append(rest.tokens, s.tokens...), append(rest.of, s.of...)
	}
	switch {
	case slices.Contains(names, others):
		shares = append(shares, rest)
	case len(left) > 0:
		return nil, errcode.New(errcode.DataDirMissing,
			"Make one for each of them, or one for all, called others.", nil, "%s has no directory for %s", dir, strings.Join(slices.Sorted(maps.Keys(left)), ", "))
	}
	return shares, nil
}

// give makes the directory of a share unless it is there, and brings what isn't a key up to date.
func (s *share) give(from datadir.Node) error {
	to := s.to.Node(from.Name)
	_, err := os.Stat(to.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		err = assemble(s.to, nil, func(a *assembly) error { return s.make(from, a.aside.Node(from.Name)) })
	}
	if err != nil {
		return err
	}
	for _, name := range s.tokens {
		if err := datadir.CopyToken(from, to, name); err != nil {
			return err
		}
	}
	return errors.Join(copyFile(from.Config(), to.Config()), s.giveGenesis(from.Genesis(), to.Genesis()))
}

// giveGenesis copies the network's genesis, and what is beside it to whoever runs a chain's VM.
func (s *share) giveGenesis(from, to string) error {
	g, err := datadir.LoadGenesis(from)
	if err != nil {
		return err
	}
	for _, c := range g.Chains {
		if c.GenesisHash.IsZero() || !s.runsVMs() {
			continue
		}
		name := c.ContentFile()
		if err := copyFile(filepath.Join(filepath.Dir(from), name), filepath.Join(filepath.Dir(to), name)); err != nil {
			return err
		}
	}
	return copyFile(from, to)
}

func (s *share) runsVMs() bool {
	return slices.ContainsFunc(s.of, func(p part.Part) bool { return p.Spec.Name == vmhost.Name })
}

// make makes the directory, with the keys.
func (s *share) make(from, to datadir.Node) error {
	if err := to.MakeFiles(); err != nil {
		return err
	}
	for _, shared := range []string{to.Run(), to.Data("blobs")} { // where volumes of all are mounted
		if err := (disk.OS{}).MkdirAll(shared, 0o700); err != nil {
			return err
		}
	}
	if err := datadir.WritePublic(datadir.NodeID(from), to); err != nil {
		return err
	}
	for _, p := range s.of {
		if p.Secrets == nil {
			continue
		}
		if err := p.Secrets(from, to); err != nil {
			return err
		}
	}
	return nil
}

// maxShared bounds a file that is handed out, in bytes.
const maxShared = 16 << 20

func copyFile(from, to string) error {
	text, err := disk.ReadFile(disk.OS{}, from, maxShared)
	if err != nil {
		return err
	}
	return disk.Replace(disk.OS{}, to, text, 0o644)
}
