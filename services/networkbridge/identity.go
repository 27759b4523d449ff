package networkbridge

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/twins"
	"github.com/reevenet/reeve/overseer/subsystem"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// identities sees to it that two nodes with one identity don't stay unnoticed, which take each other's links away
// without end and sign against each other. Who sees two runs of a node take turns says so, also to the node; and a node
// believes it of itself when validators with more than a third of the stake say it, of whom one is honest.
type identities struct {
	sub      *subsystem.Sub
	links    *links
	standing *standing
	watch    *twins.Watch
	claims   map[primitives.NodeID]time.Time // validators that see two of this node, and when they last said so
}

var twinFrame = encode(&nbv1.Frame{Kind: &nbv1.Frame_Twin{Twin: &nbv1.Twin{}}})

// up takes a new link with a node. Of nodes that anybody can make up nobody needs to know.
func (i *identities) up(e Event) {
	if i.standing.has(e.Peer) && i.watch.Up(e.Peer, e.Run, i.sub.Now()) {
		i.sub.Log.Error("two nodes run with the identity of a peer, and take turns at its link: one of them must end",
			"peer", e.Peer.String(), "address", e.Address)
	}
}

// greeted tells a peer that there are two of it.
func (i *identities) greeted(p *peer) {
	if i.watch.Of(p.id, i.sub.Now()) {
		i.links.send(p, LaneBacking, twinFrame)
	}
}

// claimed takes a peer's word that there are two of this node.
func (i *identities) claimed(p *peer) {
	if !i.standing.validator(p.id) {
		return
	}
	if i.sub.Now().Sub(i.claims[p.id]) > twins.Lasts {
		i.sub.Log.Warn("a validator says that another node runs with this node's identity", "peer", p.id.String())
	}
	i.claims[p.id] = i.sub.Now()
}

// setValidators forgets what those say who aren't asked any more.
func (i *identities) setValidators() {
	i.watch.Keep(i.standing.has)
	for id := range i.claims {
		if !i.standing.validator(id) {
			delete(i.claims, id)
		}
	}
}

// status says of whom there are two.
func (i *identities) status(s *subsystem.Status) {
	all := i.watch.All(i.sub.Now())
	names := make([]string, len(all))
	for n, id := range all {
		names[n] = id.String()
	}
	s.Number("twins", int64(len(all)))
	s.Text("twins-of", strings.Join(names, " "))
	s.Check("identity", i.ofThis())
}

// ofThis says that there are two of this node; empty: there aren't, as far as is known.
func (i *identities) ofThis() string {
	var said, total uint64
	var by []string
	for id, stake := range i.standing.validators {
		total += stake
		if at, told := i.claims[id]; told && i.sub.Now().Sub(at) <= twins.Lasts {
			said += stake
			by = append(by, id.Short())
		}
	}
	if said <= total/3 {
		return ""
	}
	slices.Sort(by)
	return fmt.Sprintf("another node runs with this node's identity, as %s see: end it, or give it keys of its own",
		strings.Join(by[:min(len(by), 8)], " "))
}
