package engine

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	provisionerv1 "github.com/reevenet/reeve/proto/reeve/provisioner/v1"
)

// inherents gets from the provisioner what a block of the relay chain should include, and has a block built as soon as
// a candidate waits for one. On other chains it does nothing, and blocks have no inherent.
//
// A candidate is made on one block and can be put on its core by a child of it alone, so a block that is built before
// the candidate is ready costs it its turn. Bitfields can wait: they count whenever they come. So it is candidates for
// which a block is wanted at once; for all else there is the VM's own interval.
type inherents struct {
	sub   *subsystem.Sub
	relay bool
	want  func() // has a block built

	leaf     primitives.Hash // on which is built
	unfollow func()
	backed   bool // a candidate has its quorum here
	asking   bool // whether one can be put on its core
	news     bool // since that was asked
}

const (
	// inherentTimeout is how long the provisioner may take. A block without an inherent is built then.
	inherentTimeout = 2 * time.Second
	// refollow is the pause before a provisioner that was away is asked again.
	refollow = 100 * time.Millisecond
	// quietLeaf is how long a leaf may have no news; then it is followed no more, and the VM's interval goes on.
	quietLeaf = 10 * time.Minute
	// maxInherent in bytes. One that is longer can't be part of a block, and comes from a provisioner that is broken.
	maxInherent = 1 << 20
)

// follow hears what could be included on top of a block, until the next one.
func (i *inherents) follow(leaf primitives.Hash) {
	if !i.relay {
		return
	}
	if i.unfollow != nil {
		i.unfollow()
	}
	i.leaf, i.backed, i.asking, i.news = leaf, false, false, false
	q := &provisionerv1.RequestBlockAuthorshipData{RelayParent: leaf[:]}
	i.unfollow = subsystem.Watch(i.sub, q, quietLeaf, func(r *provisionerv1.RequestBlockAuthorshipDataResponse) {
		if leaf == i.leaf {
			i.hear(r.GetData())
		}
	}, func(err error) {
		if err != nil && leaf == i.leaf {
			i.sub.After(refollow, func() { i.resume(leaf) })
		}
	})
}

// resume follows a leaf again, whose provisioner was away, unless there is a newer one.
func (i *inherents) resume(leaf primitives.Hash) {
	if leaf == i.leaf {
		i.follow(leaf)
	}
}

// hear takes one thing that could be included. Only bitfields and candidates decide whether a candidate finds room.
func (i *inherents) hear(d *provisionerv1.ProvisionableData) {
	switch d.GetKind().(type) {
	case *provisionerv1.ProvisionableData_BackedCandidate:
		i.backed = true
	case *provisionerv1.ProvisionableData_Bitfield:
	default:
		return
	}
	i.news = true
	i.look()
}

// look asks whether a block would take a candidate now, and has one built if so.
func (i *inherents) look() {
	if !i.backed || !i.news || i.asking {
		return
	}
	i.asking, i.news = true, false
	leaf := i.leaf
	i.ask(leaf, func(data *provisionerv1.InherentData) {
		if leaf != i.leaf {
			return
		}
		i.asking = false
		if len(data.GetBackedCandidates()) > 0 {
			i.sub.Log.Debug("a candidate waits for a block", "parent", leaf.Short())
			i.want()
		}
		i.look()
	})
}

// ask gives then what a block on the parent should include; nil: nothing, for whatever reason.
func (i *inherents) ask(parent primitives.Hash, then func(*provisionerv1.InherentData)) {
	q := &provisionerv1.RequestInherentData{RelayParent: parent[:]}
	subsystem.Ask(i.sub, q, inherentTimeout, func(r *provisionerv1.RequestInherentDataResponse, err error) {
		if err != nil {
			i.sub.Log.Info("the provisioner doesn't answer: a block gets no inherent", "parent", parent.Short(), "err", err)
		}
		then(r.GetInherent())
	})
}

// collect gives then the inherent of a block on the parent, as its bytes; empty: there is none.
func (i *inherents) collect(parent primitives.Hash, then func([]byte)) {
	if !i.relay {
		then(nil)
		return
	}
	i.ask(parent, func(data *provisionerv1.InherentData) {
		b, err := proto.MarshalOptions{Deterministic: true}.Marshal(data)
		if err != nil || len(b) > maxInherent {
			i.sub.Log.Warn("what the provisioner gives can't be part of a block", "bytes", len(b), "err", err)
			b = nil
		}
		then(b)
	})
}
